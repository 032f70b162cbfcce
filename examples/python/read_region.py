"""Reads what a C program wrote with shm_open, mmap and sprintf (examples/c/write_region.c)."""

import sys

import crosstie

with crosstie.Region(sys.argv[1] if len(sys.argv) > 1 else "/my_region") as region:
    print(bytes(region).split(b"\0")[0].decode())
