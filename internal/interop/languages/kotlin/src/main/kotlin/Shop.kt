// A client of Signet: it logs a user in, refreshes the tokens, and logs the user out.
import com.google.rpc.ErrorInfo
import io.github.signetd.signet.v1.TokenServiceGrpcKt.TokenServiceCoroutineStub
import io.github.signetd.signet.v1.loginRequest
import io.github.signetd.signet.v1.refreshRequest
import io.github.signetd.signet.v1.revokeRequest
import io.grpc.ManagedChannelBuilder
import io.grpc.Metadata
import io.grpc.Status
import io.grpc.StatusException
import io.grpc.protobuf.StatusProto
import io.grpc.stub.MetadataUtils
import java.net.URLEncoder
import java.util.Base64
import java.util.UUID
import java.util.concurrent.TimeUnit

// basic returns the authorization of a client with a secret (RFC 6749 section 2.3.1).
fun basic(id: String, secret: String): String {
  val pair = URLEncoder.encode(id, Charsets.UTF_8) + ":" + URLEncoder.encode(secret, Charsets.UTF_8)
  return "Basic " + Base64.getEncoder().encodeToString(pair.toByteArray())
}

// reason returns the reason of an error of Signet, or null.
fun reason(e: StatusException): String? =
  StatusProto.fromThrowable(e)?.detailsList
    ?.filter { it.`is`(ErrorInfo::class.java) }
    ?.map { it.unpack(ErrorInfo::class.java) }
    ?.firstOrNull { it.domain == "signet" }
    ?.reason

suspend fun main() {
  val env = System.getenv()
  val headers = Metadata()
  headers.put(
    Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
    basic(env.getValue("CLIENT_ID"), env.getValue("CLIENT_SECRET")),
  )
  // usePlaintext is for a loopback address only.
  val channel = ManagedChannelBuilder.forTarget(env["GRPC"]).usePlaintext().build()
  val stub = TokenServiceCoroutineStub(channel).withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
  fun signet() = stub.withDeadlineAfter(10, TimeUnit.SECONDS)

  suspend fun refresh(token: String) = signet().refresh(
    refreshRequest {
      refreshToken = token
      idempotencyKey = UUID.randomUUID().toString()
    },
  )

  val login = signet().login(
    loginRequest {
      username = env.getValue("USERNAME")
      password = env.getValue("PASSWORD")
    },
  )
  val refreshed = refresh(login.refreshToken)
  println("logged in: ${refreshed.subject}")
  signet().revoke(revokeRequest { token = refreshed.refreshToken })

  try {
    refresh(refreshed.refreshToken)
  } catch (e: StatusException) {
    if (e.status.code == Status.Code.UNAUTHENTICATED && reason(e) == "INVALID_GRANT") {
      println("logged out: ${reason(e)}")
    }
  }
  channel.shutdown()
}
