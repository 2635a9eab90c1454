"""Kinds of columns: one file each, and their registry."""
