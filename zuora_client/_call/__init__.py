"""The policy of one call: credentials, attempts, what a response means, what is known when the call ends."""
