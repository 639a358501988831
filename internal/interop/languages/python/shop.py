"""A client of Signet: it logs a user in, refreshes the tokens, and logs the user out."""
import base64
import os
import uuid
from urllib.parse import quote_plus

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from signet.v1 import token_pb2, token_pb2_grpc


def basic(id, secret):
    """The authorization of a client with a secret (RFC 6749 section 2.3.1)."""
    pair = quote_plus(id) + ":" + quote_plus(secret)
    return "Basic " + base64.b64encode(pair.encode()).decode()


def reason(error):
    """The reason of an error of Signet, or an empty string."""
    status, info = rpc_status.from_call(error), error_details_pb2.ErrorInfo()
    for detail in status.details if status else []:
        if detail.Unpack(info) and info.domain == "signet":
            return info.reason
    return ""


env = os.environ
headers = [("authorization", basic(env["CLIENT_ID"], env["CLIENT_SECRET"]))]
with grpc.insecure_channel(env["GRPC"]) as channel:  # insecure: for a loopback address only
    signet = token_pb2_grpc.TokenServiceStub(channel)

    def refresh(token):
        request = token_pb2.RefreshRequest(refresh_token=token, idempotency_key=str(uuid.uuid4()))
        return signet.Refresh(request, metadata=headers, timeout=10)

    request = token_pb2.LoginRequest(username=env["USERNAME"], password=env["PASSWORD"])
    login = signet.Login(request, metadata=headers, timeout=10)
    refreshed = refresh(login.refresh_token)
    print("logged in:", refreshed.subject)
    signet.Revoke(token_pb2.RevokeRequest(token=refreshed.refresh_token), metadata=headers, timeout=10)

    try:
        refresh(refreshed.refresh_token)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED and reason(error) == "INVALID_GRANT":
            print("logged out:", reason(error))
