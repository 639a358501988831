// Runs the bean of SecurityConfig.java, which docs/verify.md shows, with the tokens of its input.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtException;

class VerifyTokens {
  public static void main(String[] args) throws Exception {
    System.setProperty("signet.issuer", System.getenv("ISSUER"));
    System.setProperty("signet.audience", System.getenv("AUDIENCE"));
    var decoder = new AnnotationConfigApplicationContext(SecurityConfig.class).getBean(JwtDecoder.class);
    var tokens = new BufferedReader(new InputStreamReader(System.in));
    for (String token; (token = tokens.readLine()) != null; ) {
      String result = "ok";
      try {
        decoder.decode(token);
      } catch (JwtException e) {
        result = e.toString().replace('\n', ' ');
      }
      System.out.println(result);
    }
  }
}
