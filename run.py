#!/usr/bin/env python3
"""Ripcord's command line: `python run.py --help`."""

from engine.cli import main

if __name__ == "__main__":
    main()
