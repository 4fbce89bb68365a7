"""What test/bench/index may be told."""
import argparse

PARTS = ["build", "search", "filter", "cold", "change", "memory"]


def words(text):
    return text.split(",")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="test/bench/index")
    parser.add_argument("--data", type=words, default=["f64", "f784", "m64"])
    parser.add_argument("--parts", type=words, default=PARTS)
    parser.add_argument("--without", type=words, default=[])
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    result = parser.parse_args(arguments)
    if result.quick:
        result.seconds, result.repeats = 1, 1
    return result
