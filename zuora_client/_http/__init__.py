"""One attempt of a request over HTTP. The only package that imports urllib3."""
