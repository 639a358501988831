package rpc

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

var errPublicClient = errors.New("a public client may not change passwords")

// TokenService issues, refreshes, revokes and introspects tokens, and changes
// passwords. Every field is required.
type TokenService struct {
	signetv1.UnimplementedTokenServiceServer
	Issuer    *issuer.Issuer
	Inspector *issuer.Inspector
	Logins    *login.Service
	Grants    *grant.Service
}

// Login verifies the password of a user and creates a grant. PrepareLogin comes
// first: it fails before any write if there is no signing key.
func (s *TokenService) Login(ctx context.Context, r *signetv1.LoginRequest) (*signetv1.TokenResponse, error) {
	if err := validateLogin(r); err != nil {
		return nil, err
	}
	caller := Caller(ctx)
	prepared, err := s.Issuer.PrepareLogin(caller, r.GetAudience(), r.GetScope())
	if err != nil {
		return nil, err
	}
	address, err := caller.EndUserAddress(endUser(r.GetEndUser()))
	if err != nil {
		return nil, err
	}

	who, release, err := s.Logins.Authenticate(ctx, login.Attempt{
		Actor: caller.Actor(), Client: caller.Client.ID, Address: address,
		Username: r.GetUsername(), Password: r.GetPassword(), DeviceToken: r.GetDeviceToken(),
	})
	if err != nil {
		return nil, err
	}
	defer release()

	response, err := s.Issuer.Login(ctx, caller, prepared, issuer.LoginRequest{
		Subject: who.Subject, AMR: who.AMR, AuthTime: who.AuthTime, Epoch: who.Epoch,
		Address: address, DeviceLabel: r.GetEndUser().GetDeviceLabel(),
	})
	if err != nil {
		return nil, err
	}
	return tokenResponse(response), nil
}

// Refresh rotates a refresh token and issues an access token (RFC 6749 §6).
func (s *TokenService) Refresh(ctx context.Context, r *signetv1.RefreshRequest) (*signetv1.TokenResponse, error) {
	if err := validateRefresh(r); err != nil {
		return nil, err
	}
	response, err := s.Issuer.Refresh(ctx, Caller(ctx), issuer.RefreshRequest{
		RefreshToken: r.GetRefreshToken(), Scope: r.GetScope(), Audience: r.GetAudience(),
		IdempotencyKey: r.GetIdempotencyKey(),
	})
	if err != nil {
		return nil, err
	}
	return tokenResponse(response), nil
}

// Mint issues access tokens without a login.
func (s *TokenService) Mint(ctx context.Context, r *signetv1.MintRequest) (*signetv1.MintResponse, error) {
	if err := validateMint(r); err != nil {
		return nil, err
	}
	request := issuer.MintRequest{
		Audience: r.GetAudience(), Scope: r.GetScope(), Subject: r.GetSubject(), AMR: r.GetAmr(),
		Refresh: r.GetRefresh(), EndUser: endUser(r.GetEndUser()), Claims: claims(r.GetClaims()),
	}
	if at := r.GetAuthTime(); at != nil {
		request.AuthTime = at.AsTime()
	}
	response, err := s.Issuer.Mint(ctx, Caller(ctx), request)
	if err != nil {
		return nil, err
	}
	return mintResponse(response), nil
}

// Revoke revokes the grant of a token (RFC 7009).
func (s *TokenService) Revoke(ctx context.Context, r *signetv1.RevokeRequest) (*signetv1.RevokeResponse, error) {
	if err := validateToken(r.GetToken(), r.GetTokenTypeHint()); err != nil {
		return nil, err
	}
	if err := s.Grants.RevokeToken(ctx, Caller(ctx), r.GetToken()); err != nil {
		return nil, err
	}
	return &signetv1.RevokeResponse{}, nil
}

// Introspect returns whether a token is active, and its claims (RFC 7662).
func (s *TokenService) Introspect(
	ctx context.Context, r *signetv1.IntrospectRequest,
) (*signetv1.IntrospectResponse, error) {
	if err := validateToken(r.GetToken(), r.GetTokenTypeHint()); err != nil {
		return nil, err
	}
	found, err := s.Inspector.Introspect(ctx, Caller(ctx), r.GetToken())
	if err != nil {
		return nil, err
	}
	return &signetv1.IntrospectResponse{
		Active: found.Active, Scope: found.Scope.String(), ClientId: found.ClientID, Subject: found.Subject,
		Audience: found.Audience, Issuer: found.Issuer,
		TokenId: found.TokenID, GrantId: found.GrantID, TokenType: found.TokenType,
		ExpiresAt: timestamp(found.ExpiresAt), IssuedAt: timestamp(found.IssuedAt), AuthTime: timestamp(found.AuthTime),
	}, nil
}

// ChangePassword replaces the password of a user. It revokes the user's grants,
// except for the grant that the request names.
func (s *TokenService) ChangePassword(
	ctx context.Context, r *signetv1.ChangePasswordRequest,
) (*signetv1.ChangePasswordResponse, error) {
	keep, err := validateChangePassword(r)
	if err != nil {
		return nil, err
	}
	caller := Caller(ctx)
	if caller.Client.Public {
		return nil, oauth.Refused(oauth.UnauthorizedClient, errPublicClient)
	}
	address, err := caller.EndUserAddress(endUser(r.GetEndUser()))
	if err != nil {
		return nil, err
	}

	err = s.Logins.ChangePassword(ctx, login.PasswordChange{
		Attempt: login.Attempt{
			Actor: caller.Actor(), Client: caller.Client.ID, Address: address,
			Username: r.GetUsername(), Password: r.GetOldPassword(), DeviceToken: r.GetDeviceToken(),
		},
		NewPassword: r.GetNewPassword(),
		KeptGrant: func(ctx context.Context, userID string) (oauth.GrantID, error) {
			return s.Grants.Owned(ctx, caller, userID, keep)
		},
	})
	if err != nil {
		return nil, err
	}
	return &signetv1.ChangePasswordResponse{}, nil
}

func tokenResponse(t *issuer.TokenResponse) *signetv1.TokenResponse {
	return &signetv1.TokenResponse{
		AccessToken: t.AccessToken, TokenType: "Bearer", ExpiresIn: int64(t.ExpiresIn / time.Second),
		RefreshToken: t.RefreshToken, RefreshExpiresIn: int64(t.RefreshExpiresIn / time.Second),
		Scope: t.Scope.String(), Subject: t.Subject, GrantId: t.GrantID.String(), DeviceToken: t.DeviceToken,
	}
}

func mintResponse(m *issuer.MintResponse) *signetv1.MintResponse {
	response := &signetv1.MintResponse{
		RefreshToken: m.RefreshToken, RefreshExpiresIn: int64(m.RefreshExpiresIn / time.Second),
		Scope: m.Scope.String(), Subject: m.Subject,
	}
	if m.RefreshToken != "" {
		response.GrantId = m.GrantID.String()
	}
	for _, t := range m.Tokens {
		response.Tokens = append(response.Tokens, &signetv1.MintedToken{
			Audience: t.Audience, AccessToken: t.AccessToken, TokenType: "Bearer",
			ExpiresIn: int64(t.ExpiresIn / time.Second), Scope: t.Scope.String(),
		})
	}
	return response
}

func endUser(u *signetv1.EndUser) client.EndUser {
	return client.EndUser{IP: u.GetIp(), UserAgent: u.GetUserAgent(), DeviceLabel: u.GetDeviceLabel()}
}

// claims returns the claims of a request, or nil if there are none.
func claims(given *structpb.Struct) map[string]any {
	if len(given.GetFields()) == 0 {
		return nil
	}
	return given.AsMap()
}

// timestamp returns t as a message, or nil for the zero time.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
