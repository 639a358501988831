package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	"k8s.io/apiserver/pkg/authentication/cel"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: kubernetes FILE, with the file of --authentication-config")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run reads a token from each line of its input. It writes a line: ok with the
// name and the groups of the user, or why it refuses the token.
func run(file string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	authenticator, err := load(ctx, file)
	if err != nil {
		return err
	}
	tokens := bufio.NewScanner(os.Stdin)
	for tokens.Scan() {
		response, ok, err := authenticator.AuthenticateToken(ctx, tokens.Text())
		switch {
		case err != nil:
			fmt.Println("refused:", strings.ReplaceAll(err.Error(), "\n", " "))
		case !ok:
			fmt.Println("refused: the token is of another issuer")
		default:
			fmt.Println("ok", response.User.GetName(), response.User.GetGroups())
		}
	}
	return tokens.Err()
}

// load returns the authenticator of the first issuer of a configuration, as the
// API server makes it. It waits until the issuer answers.
func load(ctx context.Context, file string) (oidc.AuthenticatorTokenWithHealthCheck, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	install.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	object, err := runtime.Decode(codecs.UniversalDecoder(), text)
	if err != nil {
		return nil, err
	}
	configuration, ok := object.(*apiserver.AuthenticationConfiguration)
	if !ok || len(configuration.JWT) != 1 {
		return nil, fmt.Errorf("%s is no AuthenticationConfiguration with one issuer", file)
	}
	compiler := cel.NewDefaultCompiler()
	if faults := validation.ValidateAuthenticationConfiguration(compiler, configuration, nil); len(faults) > 0 {
		return nil, faults.ToAggregate()
	}

	jwt := configuration.JWT[0]
	options := oidc.Options{
		JWTAuthenticator: jwt, Compiler: compiler, SupportedSigningAlgs: oidc.AllValidSigningAlgorithms(),
	}
	if authority := jwt.Issuer.CertificateAuthority; authority != "" {
		options.CAContentProvider, err = dynamiccertificates.NewStaticCAContent("issuer", []byte(authority))
		if err != nil {
			return nil, err
		}
	}
	authenticator, err := oidc.New(ctx, options)
	if err != nil {
		return nil, err
	}
	for authenticator.HealthCheck() != nil {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return authenticator, nil
}
