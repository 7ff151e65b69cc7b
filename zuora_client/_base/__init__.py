"""Helpers below the models and the configuration: text for headers and paths, base URLs. No I/O."""
