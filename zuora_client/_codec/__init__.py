"""Values to bytes and back: the request that is sent, the document that a response holds. No I/O."""
