#!/usr/bin/env python3
"""Write net_reference.txt: networks and optimisers by an independent program.

Needs PyTorch; everything is computed in float64.

    python3 make_net_reference.py > net_reference.txt

Format: lines of words.  "#" a comment.  "net" and the network line as src/learn/net/net.h has
it, then matrices: a name, rows, columns, and the numbers row by row.  params, grad and
running are flat, in the order of net.h (layer by layer weight, bias, gain, shift).  z is
the output in training mode, grad the gradient of sum(z * dz), running the figures of
batch norm after that step (before: means 0, variances 1), z_eval the output afterwards
in evaluation mode.  "optim" KIND LR MOMENTUM BETA2 EPS DECAY, then start, grads (a row a
step), end.
"""
import sys

import torch
from torch import nn
from torch.nn import functional

ROWS, IN = 7, 5
generator = torch.Generator().manual_seed(30)
torch.set_default_dtype(torch.float64)


def randn(*shape):
    return torch.randn(*shape, generator=generator)


def matrix(name, m):
    m = m.detach().reshape(1, -1) if m.dim() < 2 else m.detach()
    print(name, *m.shape)
    for row in m:
        print(*("%.15g" % x for x in row.tolist()))


ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "linear": nn.Identity}


class Layer(nn.Module):
    def __init__(self, fan_in, width, act, norm=None, residual=False):
        super().__init__()
        self.dense = nn.Linear(fan_in, width, bias=norm != "batchnorm")
        self.norm = {None: nn.Identity, "batchnorm": lambda: nn.BatchNorm1d(width),
                     "layernorm": lambda: nn.LayerNorm(width)}[norm]()
        self.act = ACTIVATIONS[act]()
        self.residual = residual

    def forward(self, x):
        y = self.act(self.norm(self.dense(x)))
        return x + y if self.residual else y


def net(line, layers, l2):
    module = nn.Sequential(*layers)
    for p in module.parameters():
        p.data = randn(*p.shape) * 0.4 + (0.5 if p.dim() == 1 else 0)

    def run(x):
        z = module(x)
        return functional.normalize(z, eps=1e-12) if l2 else z

    x, dz = randn(ROWS, IN), randn(ROWS, layers[-1].dense.out_features)
    print("net", line)
    matrix("x", x)
    matrix("dz", dz)
    matrix("params", torch.cat([p.flatten() for p in module.parameters()]))
    z = run(x)
    (z * dz).sum().backward()
    matrix("z", z)
    matrix("grad", torch.cat([p.grad.flatten() for p in module.parameters()]))
    running = [t for layer in layers if isinstance(layer.norm, nn.BatchNorm1d)
               for t in (layer.norm.running_mean, layer.norm.running_var)]
    matrix("running", torch.cat(running) if running else torch.zeros(0))
    module.eval()
    matrix("z_eval", run(x))


def optim(kind, lr, momentum, beta2, eps, decay):
    p = nn.Parameter(randn(9))
    grads = randn(6, 9) * torch.logspace(-3, 3, 9)
    if kind == "adamw":
        optimiser = torch.optim.AdamW([p], lr=lr, betas=(momentum, beta2), eps=eps, weight_decay=decay)
    else:
        optimiser = torch.optim.SGD([p], lr=lr, momentum=momentum, weight_decay=decay)
    print("optim", kind, lr, momentum, beta2, eps, decay)
    matrix("start", p)
    for g in grads:
        p.grad = g.clone()
        optimiser.step()
    matrix("grads", grads)
    matrix("end", p)


print("# Made by make_net_reference.py with Python %d.%d, torch %s."
      % (*sys.version_info[:2], torch.__version__))
net("6 relu, 3", [Layer(IN, 6, "relu"), Layer(6, 3, "linear")], True)
net("4 gelu, 3 tanh, raw", [Layer(IN, 4, "gelu"), Layer(4, 3, "tanh")], False)
net("6 layernorm gelu, 3", [Layer(IN, 6, "gelu", "layernorm"), Layer(6, 3, "linear")], True)
net("6 batchnorm relu, 3, raw", [Layer(IN, 6, "relu", "batchnorm"), Layer(6, 3, "linear")], False)
net("5 residual tanh, 5 batchnorm residual, 5 gelu layernorm residual, 2 batchnorm",
    [Layer(IN, 5, "tanh", None, True), Layer(5, 5, "relu", "batchnorm", True),
     Layer(5, 5, "gelu", "layernorm", True), Layer(5, 2, "linear", "batchnorm")], True)
optim("adamw", 0.01, 0.9, 0.999, 1e-8, 0.0)
optim("adamw", 0.1, 0.8, 0.95, 1e-3, 0.3)
optim("sgd", 0.01, 0.0, 0.0, 0.0, 0.0)
optim("sgd", 0.01, 0.9, 0.0, 0.0, 0.2)
