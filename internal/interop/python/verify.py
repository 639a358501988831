import os
import time

import jwt

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]


class Keys(jwt.PyJWKClient):
    """The JWK Set. Unknown kids make it fetch the set again, but at most every 30 seconds."""

    refreshed = float("-inf")

    def get_jwk_set(self, refresh=False):
        if refresh and time.monotonic() - self.refreshed < 30:
            refresh = False
        elif refresh:
            self.refreshed = time.monotonic()
        return super().get_jwk_set(refresh)


keys = Keys(ISSUER + "/.well-known/jwks.json", lifespan=300)  # cached for five minutes


def verify(token):
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("not an access token")
    return jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token).key,
        algorithms=["ES256"],
        issuer=ISSUER,
        audience=AUDIENCE,
        options={"require": ["exp", "sub", "client_id"]},
    )
