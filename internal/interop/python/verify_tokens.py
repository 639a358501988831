# Holds verify.py, which docs/verify.md shows, against tokens that are good and such that are not.
import json
import os

import jwt

from verify import verify

for token in json.loads(os.environ["GOOD"]):
    assert verify(token)["client_id"] == "gateway"
for token in json.loads(os.environ["BAD"]):
    try:
        verify(token)
    except jwt.PyJWTError:
        continue
    raise AssertionError("accepted: " + token)
print("verify: all as it should be")
