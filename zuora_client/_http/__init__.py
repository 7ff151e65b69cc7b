"""One attempt over HTTP. Everything that imports urllib3 is here."""
