import com.google.rpc.ErrorInfo;
import io.github.signetd.signet.v1.*;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** A client of Signet: it logs a user in, refreshes the tokens, and logs the user out. */
class Shop {
  public static void main(String[] args) throws Exception {
    var env = System.getenv();
    var headers = new Metadata();
    headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
        basic(env.get("CLIENT_ID"), env.get("CLIENT_SECRET")));
    // usePlaintext is for a loopback address only.
    var channel = ManagedChannelBuilder.forTarget(env.get("GRPC")).usePlaintext().build();
    var signet = TokenServiceGrpc.newBlockingStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));

    var login = signet.withDeadlineAfter(10, TimeUnit.SECONDS).login(LoginRequest.newBuilder()
        .setUsername(env.get("USERNAME")).setPassword(env.get("PASSWORD")).build());
    var refreshed = signet.withDeadlineAfter(10, TimeUnit.SECONDS).refresh(RefreshRequest.newBuilder()
        .setRefreshToken(login.getRefreshToken()).setIdempotencyKey(UUID.randomUUID().toString()).build());
    System.out.println("logged in: " + refreshed.getSubject());
    signet.withDeadlineAfter(10, TimeUnit.SECONDS)
        .revoke(RevokeRequest.newBuilder().setToken(refreshed.getRefreshToken()).build());

    try {
      signet.withDeadlineAfter(10, TimeUnit.SECONDS).refresh(RefreshRequest.newBuilder()
          .setRefreshToken(refreshed.getRefreshToken()).setIdempotencyKey(UUID.randomUUID().toString()).build());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.UNAUTHENTICATED && reason(e).equals("INVALID_GRANT")) {
        System.out.println("logged out: " + reason(e));
      }
    }
    channel.shutdown();
  }

  /** basic returns the authorization of a client with a secret (RFC 6749 section 2.3.1). */
  static String basic(String id, String secret) {
    var pair = URLEncoder.encode(id, StandardCharsets.UTF_8) + ":" + URLEncoder.encode(secret, StandardCharsets.UTF_8);
    return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
  }

  /** reason returns the reason of an error of Signet, or an empty string. */
  static String reason(StatusRuntimeException e) throws Exception {
    for (var detail : StatusProto.fromThrowable(e).getDetailsList()) {
      if (detail.is(ErrorInfo.class) && detail.unpack(ErrorInfo.class).getDomain().equals("signet")) {
        return detail.unpack(ErrorInfo.class).getReason();
      }
    }
    return "";
  }
}
