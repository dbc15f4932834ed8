"""Reads the arrays that `--save npy` writes, and prints the hottest pixel of each.

    python read_npy.py FILE.npy...

Uses NumPy if it is installed. Without it the standard library suffices: the arrays are float32, in rows.
"""

import array
import ast
import struct
import sys


def read_npy(path):
    """Returns the size (height, width) and the values, row by row."""
    try:
        import numpy
    except ImportError:
        return read_plain(path)
    values = numpy.load(path)
    return values.shape, values.ravel()


def read_plain(path):
    with open(path, "rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise ValueError(f"{path} is no .npy file")
        major, _ = file.read(2)
        length = struct.unpack("<H" if major == 1 else "<I", file.read(2 if major == 1 else 4))[0]
        header = ast.literal_eval(file.read(length).decode("latin1"))
        if header["descr"] != "<f4" or header["fortran_order"]:
            raise ValueError(f"{path} is {header}; expected float32 in rows")
        values = array.array("f", file.read())
    if sys.byteorder == "big":
        values.byteswap()
    return header["shape"], values


def main(*paths):
    for path in paths:
        (height, width), values = read_npy(path)
        hottest = max(range(len(values)), key=values.__getitem__)
        print(f"{path}: {width} x {height}, hottest at {hottest % width}, {hottest // width}")


if __name__ == "__main__":
    main(*sys.argv[1:])
