#!/usr/bin/env python3
"""Makes a C file of the files of schema/: embed.py OUTPUT NAME=FILE[,FILE…] …"""
import os
import sys


def literal(data):
    lines = []
    for start in range(0, len(data), 24):
        lines.append("    " + "".join("%d," % (b if b < 128 else b - 256) for b in data[start:start + 24]))
    return "\n".join(lines)


def main():
    output, groups = sys.argv[1], sys.argv[2:]
    out = ["/* Made by embed.py. */", '#include "store/schema.h"', ""]
    for group in groups:
        name, _, files = group.partition("=")
        entries = []
        for i, path in enumerate(sorted(f for f in files.split(",") if f)):
            with open(path, "rb") as f:
                data = f.read()
            out.append("static const char %s_%d[] = {\n%s\n    0};" % (name, i, literal(data)))
            entries.append('    {"%s", %s_%d, %d},' % (os.path.basename(path), name, i, len(data)))
        out.append("const struct embedded_file embedded_%s[] = {" % name)
        out += entries + ["    {0, 0, 0}};", ""]
    with open(output, "w", encoding="utf-8") as f:
        f.write("\n".join(out))


main()
