import com.nimbusds.jose.*;
import com.nimbusds.jose.jwk.source.*;
import com.nimbusds.jose.proc.*;
import com.nimbusds.jose.util.*;
import com.nimbusds.jwt.*;
import com.nimbusds.jwt.proc.*;
import java.net.*;
import java.net.http.*;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ConcurrentHashMap;

public class Revocations {
  final String issuer, audience;
  final JWKSource<SecurityContext> keys;
  final Map<Long, Long> moments = new ConcurrentHashMap<>(); // of each entry: the latest moment, in microseconds
  volatile long asOf = Long.MIN_VALUE, next = 1; // asOf is in System.nanoTime
  String position;

  Revocations(String issuer, String audience) throws Exception {
    this.issuer = issuer;
    this.audience = audience;
    keys = JWKSourceBuilder.<SecurityContext>create(URI.create(issuer + "/.well-known/jwks.json").toURL()).build();
  }

  /** merge adds the entries of an answer to a request that was sent at that time. */
  @SuppressWarnings("unchecked")
  void merge(Map<String, Object> answer, long sent) throws Exception {
    for (var segment : (List<Map<String, Object>>) answer.get("segments")) {
      var processor = new DefaultJOSEProcessor<SecurityContext>();
      processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("revocations+jwt")));
      var jws = JWSObject.parse((String) segment.get("head"));
      processor.setJWSKeySelector(new JWSVerificationKeySelector<>(jws.getHeader().getAlgorithm(), keys));
      var h = JSONObjectUtils.parse(processor.process(jws, null).toString());
      byte[] entries = new Base64URL((String) segment.get("entries")).decode();
      var sum = Base64URL.encode(MessageDigest.getInstance("SHA-256").digest(entries)).toString();
      if (!issuer.equals(h.get("iss")) || !sum.equals(h.get("sum")) || moment(3, jws.getHeader().getKeyID()) > 0
          || !((boolean) h.get("full") || number(h, "from") <= next)) {
        throw new JOSEException("the feed is not valid");
      }
      for (var e = ByteBuffer.wrap(entries); e.hasRemaining(); ) moments.merge(e.getLong(), e.getLong(), Math::max);
      long oldest = (number(h, "at") - number(h, "keep") * 1000) * 1000;
      moments.values().removeIf(m -> m < oldest);
      position = number(h, "to") + "-" + number(h, "mark");
      next = number(h, "to") + 1;
      if (number(h, "at") > System.currentTimeMillis() - 35_000) { // not an old answer again
        asOf = Math.min(sent + (number(answer, "held_ms") - number(answer, "age_ms")) * 1_000_000, System.nanoTime());
      }
    }
  }

  /** follow polls the feed. Call it in a thread of its own. */
  void follow() throws InterruptedException {
    var client = HttpClient.newHttpClient();
    while (true) {
      var uri = URI.create(issuer + "/revocations" + (position == null ? "" : "?after=" + position + "&wait=2s"));
      var request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(5)).build();
      long sent = System.nanoTime();
      try {
        var answer = JSONObjectUtils.parse(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
        merge(answer, sent);
        Thread.sleep(answer.containsKey("delay_ms") ? number(answer, "delay_ms") : 0);
      } catch (InterruptedException e) {
        throw e;
      } catch (Exception e) {
        Thread.sleep(500);
      }
    }
  }

  /** verify returns the claims of an access token that is valid and not revoked. */
  JWTClaimsSet verify(String token) throws Exception {
    var processor = new DefaultJWTProcessor<SecurityContext>();
    processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.ES256, keys));
    processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(audience,
        new JWTClaimsSet.Builder().issuer(issuer).build(), Set.of("exp", "iat", "jti", "sub", "client_id")));
    var claims = processor.process(token, null);
    if (asOf == Long.MIN_VALUE || System.nanoTime() - asOf > 5_000_000_000L) {
      throw new BadJWTException("the feed of revocations is stale");
    }
    long id = ByteBuffer.wrap(new Base64URL(claims.getJWTID()).decode()).getLong(); // UUID v7, with microseconds
    long minted = (id >>> 16) * 1000 + ((id & 0xfff) * 1000 + 4095) / 4096;
    long issued = claims.getIssueTime().getTime() * 1000;
    if (Math.abs(minted - issued) > 60_000_000) minted = issued; // of a server of an earlier version
    String sid = claims.getStringClaim("sid"), sub = claims.getSubject(), client = claims.getStringClaim("client_id");
    long spared = sid == null ? 0 : moment(8, sid);
    long before = Math.max(moment(6, client), moment(9, issuer));
    for (var a : claims.getAudience()) before = Math.max(before, moment(7, a));
    for (var m : List.of(moment(4, sub), moment(5, sub + '\0' + client))) {
      if (m > spared) before = Math.max(before, m);
    }
    var kid = SignedJWT.parse(token).getHeader().getKeyID();
    boolean named = sid != null && moment(1, sid) > 0 || moment(2, claims.getJWTID()) > 0 || moment(3, kid) > 0;
    if (named || minted < before) {
      throw new BadJWTException("revoked");
    }
    return claims;
  }

  long moment(int kind, String text) throws Exception {
    var digest = MessageDigest.getInstance("SHA-256");
    digest.update((byte) kind);
    return moments.getOrDefault(ByteBuffer.wrap(digest.digest(text.getBytes(StandardCharsets.UTF_8))).getLong(), 0L);
  }

  static long number(Map<String, Object> object, String name) {
    return ((Number) object.get(name)).longValue();
  }
}
