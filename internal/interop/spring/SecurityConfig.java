import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import java.net.MalformedURLException;
import java.net.URI;
import java.util.Objects;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

@Configuration
class SecurityConfig {
  @Bean
  JwtDecoder jwtDecoder(@Value("${signet.issuer}") String issuer, @Value("${signet.audience}") String audience)
      throws MalformedURLException {
    var uri = issuer + "/.well-known/jwks.json";
    // Cached for five minutes. An unknown kid triggers a new fetch, but at most two in 30 seconds.
    var keys = new JWSVerificationKeySelector<>(
        JWSAlgorithm.ES256, JWKSourceBuilder.create(URI.create(uri).toURL()).build());
    var decoder = NimbusJwtDecoder.withJwkSetUri(uri)
        .jwtProcessorCustomizer(processor -> processor.setJWSKeySelector(keys))
        .validateType(false) // the validator does it
        .build();
    decoder.setJwtValidator(JwtValidators.createAtJwtValidator().issuer(issuer).audience(audience)
        .validators(all -> all.put("client_id", new JwtClaimValidator<>("client_id", Objects::nonNull))).build());
    return decoder;
  }
}
