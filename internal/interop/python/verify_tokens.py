# Runs verify.py, which docs/verify.md shows, with valid and invalid tokens.
import json
import os

import jwt

from verify import verify

for token in json.loads(os.environ["VALID"]):
    assert verify(token)["client_id"] == "gateway"
for token in json.loads(os.environ["INVALID"]):
    try:
        verify(token)
    except jwt.PyJWTError:
        continue
    raise AssertionError("accepted: " + token)
print("verify: all checks passed")
