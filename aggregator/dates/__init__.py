"""Dates of the wild: formats, words of many languages, relative ones. Pure."""
