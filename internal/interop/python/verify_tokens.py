# Runs verify.py, which docs/verify.md shows, with the tokens of its input.
import sys

import jwt

from verify import verify

for token in sys.stdin:
    try:
        verify(token.strip())
        print("ok", flush=True)
    except jwt.PyJWTError as e:
        print(repr(e), flush=True)
