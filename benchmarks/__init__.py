"""The cost of a call, compared with the HTTP libraries that one would use instead.

Run ``python -m benchmarks`` from the root of the project. Nothing here is part of the installed package.
"""
