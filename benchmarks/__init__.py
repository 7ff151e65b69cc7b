"""What one call costs, next to the libraries a person would write it with.

Run ``python -m benchmarks`` from the root of the project. Nothing here is part of the installed package.
"""
