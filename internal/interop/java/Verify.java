import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.*;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.*;
import java.net.MalformedURLException;
import java.net.URI;
import java.util.Set;

public class Verify {
  private final DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();

  /** For example https://login.example.com and https://api.example. */
  public Verify(String issuer, String audience) throws MalformedURLException {
    // Cached for five minutes. An unknown kid triggers a new fetch, but at most two in 30 seconds.
    var keys = JWKSourceBuilder.create(URI.create(issuer + "/.well-known/jwks.json").toURL()).build();
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.ES256, keys));
    processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
    processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(
        audience, new JWTClaimsSet.Builder().issuer(issuer).build(), Set.of("exp", "sub", "client_id")));
  }

  /** verify returns the claims of a valid access token. */
  public JWTClaimsSet verify(String token) throws Exception {
    return processor.process(token, null);
  }
}
