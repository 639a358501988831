# Runs revocations.py, which docs/verify.md shows, until it refuses a token that was revoked.
import base64
import json
import os
import threading
import time
import urllib.parse
import urllib.request
from types import SimpleNamespace

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

import revocations
from revocations import ISSUER, merge, verify

token = os.environ["TOKEN"]
with urllib.request.urlopen(ISSUER + "/revocations") as response:
    answer = json.load(response)
segment = answer["segments"][0]
head, entries = segment["head"], segment["entries"]
private = ec.generate_private_key(ec.SECP256R1())


def forge(typ):
    """Sign the head with another key."""
    return jwt.api_jws.encode(
        revocations.decode(head.split(".")[1]), private, algorithm="ES256",
        headers=jwt.get_unverified_header(head) | {"alg": "ES256", "typ": typ},
    )


def refused(name, **changed):
    try:
        merge(answer | {"segments": [segment | changed]}, time.monotonic())
    except jwt.PyJWTError:
        return
    raise AssertionError("accepted: " + name)


refused("other entries", entries=entries + "A" * 64)
refused("an access token instead of a head", head=token)
refused("a head under another key", head=forge("revocations+jwt"))
refused("a head with an empty signature", head=head.rsplit(".", 1)[0] + ".")
try:
    verify(token)
    raise AssertionError("accepted although there was no answer of the feed")
except jwt.PyJWTError as e:
    assert "stale" in str(e), e

# If the other key were the issuer's, only the typ of its heads would be wrong.
keys, other = revocations.keys, SimpleNamespace(key=private.public_key(), key_id="other")
revocations.keys = SimpleNamespace(get_signing_key_from_jwt=lambda _: other)
for typ in ("at+jwt", "JWT"):
    refused("a head with the typ " + typ, head=forge(typ))
merge(answer | {"segments": [segment | {"head": forge("revocations+jwt")}]}, time.monotonic())
revocations.keys = keys

# An answer cannot be newer than its arrival.
merge(answer | {"held_ms": 10**12}, time.monotonic())
assert revocations.state["as_of"] <= time.monotonic(), "newer than the answer"

# Tokens with invented kids do not make the service fetch the JWK Set again and again.
urlopen, fetches = urllib.request.urlopen, []


def counted(request, *args, **kwargs):
    fetches.append(request)
    return urlopen(request, *args, **kwargs)


urllib.request.urlopen = counted
begin = time.monotonic()
for n in range(10):
    invented = jwt.encode({}, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": f"x{n}"})
    try:
        verify(invented)
        raise AssertionError("accepted an invented kid")
    except jwt.PyJWTError:
        pass
urllib.request.urlopen = urlopen
assert len(fetches) <= 1 + time.monotonic() - begin, f"{len(fetches)} fetches for ten tokens"

threading.Thread(target=revocations.follow, daemon=True).start()
begin = time.monotonic()
while True:
    try:
        verify(token)
        break
    except jwt.PyJWTError as e:
        assert "stale" in str(e), e
        assert time.monotonic() - begin < 20, "the feed does not become fresh"
        time.sleep(0.02)

pair = ":".join(urllib.parse.quote_plus(os.environ[name]) for name in ("CLIENT_ID", "CLIENT_SECRET"))
credentials = base64.b64encode(pair.encode()).decode()
request = urllib.request.Request(
    ISSUER + "/oauth2/revoke", urllib.parse.urlencode({"token": token}).encode(),
    {"Authorization": "Basic " + credentials},
)
urllib.request.urlopen(request).close()
since = time.monotonic()
while True:
    assert time.monotonic() - since < 3, "the revoked token is still accepted after 3 s"
    try:
        verify(token)
    except jwt.InvalidTokenError as e:
        assert str(e) == "revoked", e
        break
    time.sleep(0.02)
print(f"refused after {round((time.monotonic() - since) * 1000)} ms: all checks passed")
