# Runs verify.py, which docs/verify.md shows, with valid and invalid tokens.
import json
import os
import urllib.request

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from verify import verify

for token in json.loads(os.environ["VALID"]):
    assert verify(token)["client_id"] == "gateway"
for token in json.loads(os.environ["INVALID"]):
    try:
        verify(token)
    except jwt.PyJWTError:
        continue
    raise AssertionError("accepted: " + token)

urlopen, fetches = urllib.request.urlopen, []


def counted(request, *args, **kwargs):
    fetches.append(request)
    return urlopen(request, *args, **kwargs)


urllib.request.urlopen = counted
private = ec.generate_private_key(ec.SECP256R1())
for n in range(10):
    try:
        verify(jwt.encode({}, private, algorithm="ES256", headers={"typ": "at+jwt", "kid": f"invented-{n}"}))
        raise AssertionError("accepted an invented kid")
    except jwt.PyJWTError:
        pass
assert len(fetches) <= 2, f"{len(fetches)} fetches of the JWK Set for ten tokens"
print("verify: all checks passed")
