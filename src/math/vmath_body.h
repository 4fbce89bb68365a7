/*
 * vmath_body.h
 *	  The kernels, once, over a vector type.  vmath_SET.c defines for its instruction set
 *
 *		LANES			floats in a vector
 *		TILE_ROWS		rows that the matrix product takes together (its registers:
 *						TILE_ROWS * 4 sums, 4 weights, 1 input)
 *		fma_v(a, b, c)	a * b + c; rounded once where the machine can
 *		sqrt_v(a)
 *		load_first(p, n), store_first(p, v, n)
 *						the first 0 < n < LANES floats; the other lanes are 0 and are not touched
 *		sum4(out, a, b, c, d)
 *						out[0] = sum of a's lanes, ..., all four in one and the same order
 *		KERNELS			the name of the table
 *
 * and includes this file.  The rest is GCC's vector extension, which clang knows too.
 *
 * Two rules keep results equal from call to call.  The elements behind the last whole
 * vector go through the same vector code, so a value does not depend on its place; and
 * a sum's order is a function of its length alone.
 *
 * The polynomials are minimax fits (Remez' exchange) of relative error; the digits
 * given are what float keeps, and some.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "vmath_kernels.h"

typedef float VF __attribute__((vector_size(LANES * 4)));
typedef int32_t VI __attribute__((vector_size(LANES * 4)));
typedef uint32_t VU __attribute__((vector_size(LANES * 4)));

#define INLINE	static inline __attribute__((always_inline))

/* In front of a loop of constant length, whose arrays are to become registers. */
#ifdef __clang__
#define UNROLL	_Pragma("clang loop unroll(full)")
#else
#define UNROLL	_Pragma("GCC unroll 8")
#endif

INLINE VF
load(const float *p)
{
	VF			v;

	memcpy(&v, p, sizeof(v));
	return v;
}

INLINE void
store(float *p, VF v)
{
	memcpy(p, &v, sizeof(v));
}

INLINE VF
all(float x)
{
	return x - (VF) {0};
}

/* mask (lanes of all ones or all zeros) ? a : b */
INLINE VF
choose(VI mask, VF a, VF b)
{
	return (VF) ((mask & (VI) a) | (~mask & (VI) b));
}

INLINE VF
abs_v(VF x)
{
	return (VF) ((VI) x & 0x7fffffff);
}

/* ---- exponential and its relatives ---- */

/*
 * exp(x + low), low small against x's last places: x + low = k log 2 + r, |r| <= log(2) / 2.
 * 1 ulp.  2^k is multiplied in two halves, so that results below the least normal
 * float are rounded once, and the largest ones do not overflow early.  NaN stays NaN.
 */
INLINE VF
exp_parts(VF x, VF low)
{
	const VF	shifter = all(12582912.0f);		/* 1.5 * 2^23: adding it rounds to a whole number */
	VF			k;
	VF			r;
	VF			p;
	VI			whole;
	VI			half;
	VU			up;
	VU			rest;

	x = choose(x > 89.0f, all(89.0f), x);
	x = choose(x < -105.0f, all(-105.0f), x);
	k = fma_v(x, all(1.44269504f), shifter);
	whole = (VI) ((VU) k - (VU) shifter);
	k -= shifter;
	/* log 2 in two parts, the first of few enough bits that k times it is exact */
	r = fma_v(k, all(-0.693145752f), x);
	r = fma_v(k, all(-1.42860677e-6f), r) + low;
	p = fma_v(r, all(1.38131532497e-3f), all(8.36941879819e-3f));
	p = fma_v(p, r, all(4.16684566448e-2f));
	p = fma_v(p, r, all(0.16666514792f));
	p = fma_v(p, r, all(0.499999930512f));
	p = fma_v(p, r * r, r) + 1.0f;

	half = whole >> 1;
	up = ((VU) half + 127) << 23;
	rest = ((VU) whole - (VU) half + 127) << 23;
	return p * (VF) up * (VF) rest;
}

INLINE VF
exp_v(VF x)
{
	return exp_parts(x, all(0));
}

/* An odd polynomial near 0; elsewhere 1 - 2 / (exp(2 |x|) + 1) with x's sign. */
INLINE VF
tanh_v(VF x)
{
	VF			a = abs_v(x);
	VF			s = x * x;
	VF			p;
	VF			big;

	p = fma_v(s, all(-5.66079018616e-3f), all(2.06020087983e-2f));
	p = fma_v(p, s, all(-5.37293303751e-2f));
	p = fma_v(p, s, all(0.13331328965f));
	p = fma_v(p, s, all(-0.333332783156f));
	p = fma_v(p * s, x, x);
	big = 1.0f - 2.0f / (exp_v(a + a) + 1.0f);
	big = (VF) ((VI) big | ((VI) x & INT32_MIN));
	return choose(a < 0.625f, p, big);
}

INLINE VF
tanh_grad_v(VF dy, VF x)
{
	VF			t = tanh_v(x);

	return dy * (1.0f - t * t);
}

/*
 * The normal distribution function of x, and exp(-x^2 / 2).  With a = |x|, y = a / sqrt(2),
 * Phi(-a) = erfcx(y) exp(-y^2) / 2, and (1 + 2y) erfcx(y) is smooth in (y - 3) / (y + 3)
 * (Shepherd and Laframboise, Math. Comp. 36, 1981).  So the lower tail keeps its digits.
 * x^2 is taken in two parts: high^2 is exact.
 */
INLINE VF
normal_cdf(VF x, VF *bell)
{
	VF			a = abs_v(x);
	VF			high;
	VF			t;
	VF			p;

	a = choose(a > 20.0f, all(20.0f), a);
	high = (VF) ((VI) a & ~0xfff);
	*bell = exp_parts(-0.5f * high * high, -0.5f * (a - high) * (a + high));

	t = (a - 4.24264069f) / (a + 4.24264069f);
	p = fma_v(t, all(-2.28097483304e-4f), all(-6.8505974029e-4f));
	p = fma_v(p, t, all(2.03700259552e-3f));
	p = fma_v(p, t, all(2.51310483682e-3f));
	p = fma_v(p, t, all(-2.38334767175e-2f));
	p = fma_v(p, t, all(6.83051564858e-2f));
	p = fma_v(p, t, all(-0.119262445955f));
	p = fma_v(p, t, all(0.129645958402f));
	p = fma_v(p, t, all(-4.75630193055e-2f));
	p = fma_v(p, t, all(-0.135621137264f));
	p = fma_v(p, t, all(1.25300806602f));
	p = 0.5f * *bell * p / fma_v(a, all(1.41421356f), all(1.0f));
	return choose(x > 0.0f, 1.0f - p, p);
}

INLINE VF
gelu_v(VF x)
{
	VF			bell;

	return x * normal_cdf(x, &bell);
}

INLINE VF
gelu_grad_v(VF dy, VF x)
{
	VF			bell;
	VF			cdf = normal_cdf(x, &bell);

	return dy * fma_v(x * 0.398942280f, bell, cdf);
}

/* NaN goes through: training must see it. */
INLINE VF
relu_v(VF x)
{
	return choose(x < 0.0f, all(0), x);
}

INLINE VF
relu_grad_v(VF dy, VF x)
{
	return choose(x > 0.0f, dy, all(0));
}

INLINE VF
mul_v(VF y, VF x)
{
	return y * x;
}

/* A kernel y = f(x) out of a function of a vector. */
#define UNARY(kernel, f) \
	static void \
	kernel(float *y, const float *x, size_t n) \
	{ \
		size_t		i = 0; \
		\
		for (; i + LANES <= n; i += LANES) \
			store(y + i, f(load(x + i))); \
		if (i < n) \
			store_first(y + i, f(load_first(x + i, n - i)), n - i); \
	}

/* As above, of two arguments. */
#define BINARY(kernel, f) \
	static void \
	kernel(float *y, const float *a, const float *b, size_t n) \
	{ \
		size_t		i = 0; \
		\
		for (; i + LANES <= n; i += LANES) \
			store(y + i, f(load(a + i), load(b + i))); \
		if (i < n) \
			store_first(y + i, f(load_first(a + i, n - i), load_first(b + i, n - i)), n - i); \
	}

UNARY(kernel_exp, exp_v)
UNARY(kernel_tanh, tanh_v)
UNARY(kernel_gelu, gelu_v)
UNARY(kernel_relu, relu_v)
BINARY(kernel_tanh_grad, tanh_grad_v)
BINARY(kernel_gelu_grad, gelu_grad_v)
BINARY(kernel_relu_grad, relu_grad_v)
BINARY(multiply, mul_v)

static void
kernel_mul(float *y, const float *x, size_t n)
{
	multiply(y, y, x, n);
}

/* ---- sums and updates ---- */

INLINE float
sum_lanes(VF v)
{
	float		sum[4];

	sum4(sum, v, v, v, v);
	return sum[0];
}

static float
kernel_dot(const float *a, const float *b, size_t n)
{
	VF			sum[4] = {{0}, {0}, {0}, {0}};
	size_t		i = 0;

	for (; i + 4 * LANES <= n; i += 4 * LANES)
		for (int j = 0; j < 4; j++)
			sum[j] = fma_v(load(a + i + j * LANES), load(b + i + j * LANES), sum[j]);
	for (; i + LANES <= n; i += LANES)
		sum[0] = fma_v(load(a + i), load(b + i), sum[0]);
	if (i < n)
		sum[1] = fma_v(load_first(a + i, n - i), load_first(b + i, n - i), sum[1]);
	return sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

static float
kernel_dot_differences(const float *a, const float *b, const float *c, const float *d, size_t n)
{
	VF			sum[2] = {{0}, {0}};
	size_t		i = 0;

	for (; i + 2 * LANES <= n; i += 2 * LANES)
		for (int j = 0; j < 2; j++)
		{
			size_t		at = i + j * LANES;

			sum[j] = fma_v(load(a + at) - load(b + at), load(c + at) - load(d + at), sum[j]);
		}
	for (; i < n; i += LANES)
		if (i + LANES <= n)
			sum[0] = fma_v(load(a + i) - load(b + i), load(c + i) - load(d + i), sum[0]);
		else
			sum[1] = fma_v(load_first(a + i, n - i) - load_first(b + i, n - i),
						   load_first(c + i, n - i) - load_first(d + i, n - i), sum[1]);
	return sum_lanes(sum[0] + sum[1]);
}

static float
kernel_sum(const float *a, size_t n)
{
	VF			sum[4] = {{0}, {0}, {0}, {0}};
	size_t		i = 0;

	for (; i + 4 * LANES <= n; i += 4 * LANES)
		for (int j = 0; j < 4; j++)
			sum[j] += load(a + i + j * LANES);
	for (; i + LANES <= n; i += LANES)
		sum[0] += load(a + i);
	if (i < n)
		sum[1] += load_first(a + i, n - i);
	return sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

static float
kernel_max(const float *a, size_t n)
{
	VF			max = all(a[0]);
	float		lane[LANES];
	float		result;
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
	{
		VF			v = load(a + i);

		max = choose(v > max, v, max);
	}
	store(lane, max);
	result = lane[0];
	for (int j = 1; j < LANES; j++)
		result = lane[j] > result ? lane[j] : result;
	for (; i < n; i++)
		result = a[i] > result ? a[i] : result;
	return result;
}

static void
kernel_axpy(float *y, float alpha, const float *x, size_t n)
{
	const VF	factor = all(alpha);
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		store(y + i, fma_v(factor, load(x + i), load(y + i)));
	if (i < n)
		store_first(y + i, fma_v(factor, load_first(x + i, n - i), load_first(y + i, n - i)), n - i);
}

INLINE VF
soft_weight_v(VF t)
{
	VI			none = t < -60.0f;

	return choose(none, all(0), exp_v(choose(none, all(0), t)));
}

static float
kernel_soft_weights(float *p, const float *half, size_t n)
{
	VF			sum[2] = {{0}, {0}};
	VF			max;
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		store(p + i, 2.0f * (load(p + i) - load(half + i)));
	if (i < n)
		store_first(p + i, 2.0f * (load_first(p + i, n - i) - load_first(half + i, n - i)), n - i);
	max = all(kernel_max(p, n));
	for (i = 0; i + LANES <= n; i += LANES)
	{
		VF			weight = soft_weight_v(load(p + i) - max);

		store(p + i, weight);
		sum[i / LANES % 2] += weight;
	}
	if (i < n)
	{
		store_first(p + i, soft_weight_v(load_first(p + i, n - i) - max), n - i);
		sum[0] += load_first(p + i, n - i);
	}
	return sum_lanes(sum[0] + sum[1]);
}

INLINE bool
any_lane(VI mask)
{
	uint64_t	part[LANES / 2];
	uint64_t	any = 0;

	memcpy(part, &mask, sizeof(mask));
	for (int i = 0; i < LANES / 2; i++)
		any |= part[i];
	return any != 0;
}

static int
kernel_find(int32_t *place, const float *x, float limit, size_t n, int most)
{
	const VF	bound = all(limit);
	int			found = 0;
	size_t		i = 0;

	while (i < n)
	{
		size_t		end = i + LANES;

		if (i + 4 * LANES <= n &&
			!any_lane((abs_v(load(x + i)) > bound) | (abs_v(load(x + i + LANES)) > bound) |
					  (abs_v(load(x + i + 2 * LANES)) > bound) | (abs_v(load(x + i + 3 * LANES)) > bound)))
		{
			i += 4 * LANES;
			continue;
		}
		if (end > n)
			end = n;
		else if (!any_lane(abs_v(load(x + i)) > bound))
			i = end;
		for (; i < end; i++)
			if (x[i] > limit || x[i] < -limit)
			{
				if (found == most)
					return -1;
				place[found++] = (int32_t) i;
			}
	}
	return found;
}

static void
kernel_pull(float *da, float *db, const float *a, const float *b, float factor, size_t n)
{
	const VF	by = all(factor);
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
	{
		VF			step = by * (load(a + i) - load(b + i));

		store(da + i, load(da + i) + step);
		store(db + i, load(db + i) - step);
	}
	if (i < n)
	{
		VF			step = by * (load_first(a + i, n - i) - load_first(b + i, n - i));

		store_first(da + i, load_first(da + i, n - i) + step, n - i);
		store_first(db + i, load_first(db + i, n - i) - step, n - i);
	}
}

static void
kernel_scale(float *y, float alpha, size_t n)
{
	const VF	factor = all(alpha);
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		store(y + i, factor * load(y + i));
	if (i < n)
		store_first(y + i, factor * load_first(y + i, n - i), n - i);
}

/* What an AdamW step has in common for all parameters. */
typedef struct AdamStep
{
	VF			keep;			/* 1 - lr * decay */
	VF			step;			/* lr / bc1 */
	VF			beta1;
	VF			beta2;
	VF			inv_root_bc2;
	VF			eps;
} AdamStep;

INLINE VF
adamw_v(const AdamStep *s, VF param, VF *m, VF *v, VF grad)
{
	*m = fma_v(s->beta1, *m - grad, grad);
	*v = fma_v(s->beta2, *v, (1.0f - s->beta2) * (grad * grad));
	return s->keep * param - s->step * *m / fma_v(sqrt_v(*v), s->inv_root_bc2, s->eps);
}

static void
kernel_adamw(float *param, float *m, float *v, const float *grad, size_t n,
			 float lr, float beta1, float beta2, float eps, float decay, float bc1, float bc2)
{
	const AdamStep s = {all(1 - lr * decay), all(lr / bc1), all(beta1), all(beta2), all(1 / sqrtf(bc2)), all(eps)};
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
	{
		VF			mi = load(m + i);
		VF			vi = load(v + i);

		store(param + i, adamw_v(&s, load(param + i), &mi, &vi, load(grad + i)));
		store(m + i, mi);
		store(v + i, vi);
	}
	if (i < n)
	{
		size_t		rest = n - i;
		VF			mi = load_first(m + i, rest);
		VF			vi = load_first(v + i, rest);

		store_first(param + i, adamw_v(&s, load_first(param + i, rest), &mi, &vi, load_first(grad + i, rest)), rest);
		store_first(m + i, mi, rest);
		store_first(v + i, vi, rest);
	}
}

/* ---- the matrix product of embedding ---- */

/*
 * An element of the product is, for each block of BLOCK_IN inputs, a vector of sums over
 * the inputs a whole number of vectors apart, one FMA chain a lane, and then the sum of
 * its lanes; the blocks' sums are added to the bias in order.  Which rows and outputs
 * are computed beside it changes nothing of that, whatever the tile.
 *
 * A tile is TILE_ROWS rows by 4 outputs, all in registers.  A block of a tile's inputs
 * stays in the first-level cache while weights stream by; BLOCK_OUT by BLOCK_IN weights
 * (half a megabyte) stay in the second-level cache for all rows.
 */
#define TILE_OUT	4
#define BLOCK_IN	1024
#define BLOCK_OUT	128

/*
 * sum[r][o] of rows x[0..rows) and outputs w[0..4), over n inputs from first on.  rows
 * is a constant where this is inlined, so that the sums are registers.
 */
INLINE void
tile_sums(int rows, float (*sum)[TILE_OUT], const float *const *x, const float *const *w, size_t n)
{
	VF			acc[TILE_ROWS][TILE_OUT];
	size_t		k = 0;

	UNROLL
	for (int r = 0; r < rows; r++)
		UNROLL
		for (int o = 0; o < TILE_OUT; o++)
			acc[r][o] = all(0);

	for (; k + LANES <= n; k += LANES)
	{
		VF			wk[TILE_OUT];

		UNROLL
		for (int o = 0; o < TILE_OUT; o++)
			wk[o] = load(w[o] + k);
		UNROLL
		for (int r = 0; r < rows; r++)
		{
			VF			xk = load(x[r] + k);

			UNROLL
			for (int o = 0; o < TILE_OUT; o++)
				acc[r][o] = fma_v(xk, wk[o], acc[r][o]);
		}
	}
	if (k < n)
	{
		VF			wk[TILE_OUT];

		UNROLL
		for (int o = 0; o < TILE_OUT; o++)
			wk[o] = load_first(w[o] + k, n - k);
		UNROLL
		for (int r = 0; r < rows; r++)
		{
			VF			xk = load_first(x[r] + k, n - k);

			UNROLL
			for (int o = 0; o < TILE_OUT; o++)
				acc[r][o] = fma_v(xk, wk[o], acc[r][o]);
		}
	}
	UNROLL
	for (int r = 0; r < rows; r++)
		sum4(sum[r], acc[r][0], acc[r][1], acc[r][2], acc[r][3]);
}

/*
 * out += x w^T for one tile's rows, outputs w[0..count_out) and inputs 0..n; n_in and
 * n_out are the rows' lengths.
 */
INLINE void
tile_rows(int rows, float *out, const float *x, const float *w, size_t n, size_t count_out,
		  size_t n_in, size_t n_out)
{
	const float *x_row[TILE_ROWS];

	for (int r = 0; r < rows; r++)
		x_row[r] = x + r * n_in;
	for (size_t o = 0; o < count_out; o += TILE_OUT)
	{
		const float *w_row[TILE_OUT];
		float		sum[TILE_ROWS][TILE_OUT];
		size_t		count = count_out - o < TILE_OUT ? count_out - o : TILE_OUT;

		/* beyond the last output: the last once more, thrown away */
		for (size_t j = 0; j < TILE_OUT; j++)
			w_row[j] = w + (o + (j < count ? j : count - 1)) * n_in;
		tile_sums(rows, sum, x_row, w_row, n);
		for (int r = 0; r < rows; r++)
			for (size_t j = 0; j < count; j++)
				out[r * n_out + o + j] += sum[r][j];
	}
}

/* As above, for any number of rows. */
static void
block_rows(float *out, const float *x, const float *w, size_t rows, size_t n, size_t count_out,
		   size_t n_in, size_t n_out)
{
	size_t		r = 0;

	for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
		tile_rows(TILE_ROWS, out + r * n_out, x + r * n_in, w, n, count_out, n_in, n_out);
	for (; r + 2 <= rows; r += 2)
		tile_rows(2, out + r * n_out, x + r * n_in, w, n, count_out, n_in, n_out);
	for (; r < rows; r++)
		tile_rows(1, out + r * n_out, x + r * n_in, w, n, count_out, n_in, n_out);
}

static void
kernel_affine(float *out, const float *x, const float *w, const float *bias,
			  size_t rows, size_t n_in, size_t n_out)
{
	for (size_t r = 0; r < rows; r++)
		if (bias != NULL)
			memcpy(out + r * n_out, bias, n_out * sizeof(float));
		else
			memset(out + r * n_out, 0, n_out * sizeof(float));

	for (size_t o = 0; o < n_out; o += BLOCK_OUT)
		for (size_t k = 0; k < n_in; k += BLOCK_IN)
			block_rows(out + o, x + k, w + o * n_in + k, rows,
					   n_in - k < BLOCK_IN ? n_in - k : BLOCK_IN,
					   n_out - o < BLOCK_OUT ? n_out - o : BLOCK_OUT, n_in, n_out);
}

const VmathKernels KERNELS = {
	.set = KERNELS_SET,
	.exp = kernel_exp,
	.tanh = kernel_tanh,
	.tanh_grad = kernel_tanh_grad,
	.gelu = kernel_gelu,
	.gelu_grad = kernel_gelu_grad,
	.relu = kernel_relu,
	.relu_grad = kernel_relu_grad,
	.dot = kernel_dot,
	.dot_differences = kernel_dot_differences,
	.sum = kernel_sum,
	.max = kernel_max,
	.axpy = kernel_axpy,
	.scale = kernel_scale,
	.mul = kernel_mul,
	.soft_weights = kernel_soft_weights,
	.find = kernel_find,
	.pull = kernel_pull,
	.adamw = kernel_adamw,
	.affine = kernel_affine
};
