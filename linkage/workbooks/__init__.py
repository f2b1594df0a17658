"""Workbooks parsed in a process of their own: one that hangs, panics or asks for any amount of memory ends there."""
