// Runs Revocations.java, which docs/verify.md shows, until it refuses a token that was revoked.
import com.nimbusds.jose.*;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.util.Base64;
import com.nimbusds.jose.util.JSONObjectUtils;
import java.net.*;
import java.net.http.*;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.*;

public class Check {
  static final Map<String, String> ENV = System.getenv();
  static final HttpClient CLIENT = HttpClient.newHttpClient();

  public static void main(String[] args) throws Exception {
    String issuer = ENV.get("ISSUER"), token = ENV.get("TOKEN");
    var revocations = new Revocations(issuer, ENV.get("AUDIENCE"));
    var feed = HttpRequest.newBuilder(URI.create(issuer + "/revocations")).build();
    var answer = JSONObjectUtils.parse(CLIENT.send(feed, BodyHandlers.ofString()).body());
    var segment = (Map<?, ?>) ((List<?>) answer.get("segments")).get(0);
    String head = (String) segment.get("head"), entries = (String) segment.get("entries");
    var parsed = JWSObject.parse(head);
    var forged = new JWSObject(new JWSHeader.Builder(JWSAlgorithm.ES256).type(parsed.getHeader().getType())
        .keyID(parsed.getHeader().getKeyID()).build(), parsed.getPayload());
    forged.sign(new ECDSASigner(new ECKeyGenerator(Curve.P_256).generate()));

    refused(revocations, answer, "other entries", head, entries + "A".repeat(64));
    refused(revocations, answer, "an access token instead of a head", token, entries);
    refused(revocations, answer, "a head under another key", forged.serialize(), entries);
    check("the feed of revocations is stale".equals(message(revocations, token)), "not stale");

    var newer = new HashMap<>(answer);
    newer.put("held_ms", 1_000_000_000L);
    revocations.merge(newer, System.nanoTime());
    check(revocations.asOf <= System.nanoTime(), "newer than the answer");

    var follower = new Thread(() -> {
      try {
        revocations.follow();
      } catch (InterruptedException e) {
        // The check is over.
      }
    });
    follower.start();
    for (long begin = System.nanoTime(); message(revocations, token) != null; Thread.sleep(20)) {
      check(System.nanoTime() - begin < 20e9, "the feed does not become fresh");
    }

    var credentials = Base64.encode(encode(ENV.get("CLIENT_ID")) + ":" + encode(ENV.get("CLIENT_SECRET")));
    var revoke = HttpRequest.newBuilder(URI.create(issuer + "/oauth2/revoke"))
        .header("Authorization", "Basic " + credentials).header("Content-Type", "application/x-www-form-urlencoded")
        .POST(HttpRequest.BodyPublishers.ofString("token=" + token)).build();
    check(CLIENT.send(revoke, BodyHandlers.discarding()).statusCode() == 200, "not revoked");
    long since = System.nanoTime();
    for (; !"revoked".equals(message(revocations, token)); Thread.sleep(20)) {
      check(System.nanoTime() - since < 3e9, "the revoked token is still accepted after 3 s");
    }
    System.out.printf("refused after %d ms: all checks passed%n", (System.nanoTime() - since) / 1_000_000);
    System.exit(0);
  }

  static String encode(String value) {
    return URLEncoder.encode(value, StandardCharsets.UTF_8);
  }

  static void refused(Revocations r, Map<String, Object> answer, String name, String head, String entries) {
    var changed = new HashMap<>(answer);
    changed.put("segments", List.of(Map.of("head", head, "entries", entries)));
    try {
      r.merge(changed, System.nanoTime());
    } catch (Exception e) {
      return;
    }
    check(false, "accepted: " + name);
  }

  static String message(Revocations r, String token) {
    try {
      r.verify(token);
      return null;
    } catch (Exception e) {
      return e.getMessage();
    }
  }

  static void check(boolean ok, String message) {
    if (!ok) {
      throw new AssertionError(message);
    }
  }
}
