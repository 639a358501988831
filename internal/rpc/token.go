package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signetd/signet/internal/issuer"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// tokenService decodes, calls the issuer and encodes.
type tokenService struct {
	signetv1.UnimplementedTokenServiceServer
	issuer *issuer.Issuer
}

// Login proves a user's password and creates a grant.
func (s *tokenService) Login(ctx context.Context, r *signetv1.LoginRequest) (*signetv1.TokenResponse, error) {
	if err := validateLogin(r); err != nil {
		return nil, err
	}
	answer, err := s.issuer.Login(ctx, callerOf(ctx), issuer.LoginRequest{
		Username: r.GetUsername(), Password: r.GetPassword(), Audience: r.GetAudience(), Scope: r.GetScope(),
		EndUser: endUser(r.GetEndUser()), DeviceToken: r.GetDeviceToken(),
	})
	if err != nil {
		return nil, err
	}
	return tokenResponse(answer), nil
}

// Refresh exchanges a refresh token.
func (s *tokenService) Refresh(ctx context.Context, r *signetv1.RefreshRequest) (*signetv1.TokenResponse, error) {
	if err := validateRefresh(r); err != nil {
		return nil, err
	}
	answer, err := s.issuer.Refresh(ctx, callerOf(ctx), issuer.RefreshRequest{
		RefreshToken: r.GetRefreshToken(), Scope: r.GetScope(), Audience: r.GetAudience(), IdempotencyKey: r.GetIdempotencyKey(),
	})
	if err != nil {
		return nil, err
	}
	return tokenResponse(answer), nil
}

// Mint makes access tokens without a login.
func (s *tokenService) Mint(ctx context.Context, r *signetv1.MintRequest) (*signetv1.MintResponse, error) {
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
	answer, err := s.issuer.Mint(ctx, callerOf(ctx), request)
	if err != nil {
		return nil, err
	}
	return mintResponse(answer), nil
}

// Revoke ends the grant of a token.
func (s *tokenService) Revoke(ctx context.Context, r *signetv1.RevokeRequest) (*signetv1.RevokeResponse, error) {
	if err := validateToken(r.GetToken(), r.GetTokenTypeHint()); err != nil {
		return nil, err
	}
	if err := s.issuer.Revoke(ctx, callerOf(ctx), r.GetToken()); err != nil {
		return nil, err
	}
	return &signetv1.RevokeResponse{}, nil
}

// Introspect tells what a token is worth now.
func (s *tokenService) Introspect(ctx context.Context, r *signetv1.IntrospectRequest) (*signetv1.IntrospectResponse, error) {
	if err := validateToken(r.GetToken(), r.GetTokenTypeHint()); err != nil {
		return nil, err
	}
	found, err := s.issuer.Introspect(ctx, callerOf(ctx), r.GetToken())
	if err != nil {
		return nil, err
	}
	return &signetv1.IntrospectResponse{
		Active: found.Active, Scope: found.Scope.String(), ClientId: found.ClientID, Subject: found.Subject,
		Audience: found.Audience, Issuer: found.Issuer, TokenId: found.TokenID, GrantId: found.GrantID, TokenType: found.TokenType,
		ExpiresAt: timestamp(found.ExpiresAt), IssuedAt: timestamp(found.IssuedAt), AuthTime: timestamp(found.AuthTime),
	}, nil
}

// ChangePassword replaces a user's password.
func (s *tokenService) ChangePassword(
	ctx context.Context, r *signetv1.ChangePasswordRequest,
) (*signetv1.ChangePasswordResponse, error) {
	keep, err := validateChangePassword(r)
	if err != nil {
		return nil, err
	}
	err = s.issuer.ChangePassword(ctx, callerOf(ctx), issuer.ChangePasswordRequest{
		Username: r.GetUsername(), OldPassword: r.GetOldPassword(), NewPassword: r.GetNewPassword(),
		EndUser: endUser(r.GetEndUser()), DeviceToken: r.GetDeviceToken(), KeepGrant: keep,
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
	answer := &signetv1.MintResponse{
		RefreshToken: m.RefreshToken, RefreshExpiresIn: int64(m.RefreshExpiresIn / time.Second),
		Scope: m.Scope.String(), Subject: m.Subject,
	}
	if m.RefreshToken != "" {
		answer.GrantId = m.GrantID.String()
	}
	for _, t := range m.Tokens {
		answer.Tokens = append(answer.Tokens, &signetv1.MintedToken{
			Audience: t.Audience, AccessToken: t.AccessToken, TokenType: "Bearer",
			ExpiresIn: int64(t.ExpiresIn / time.Second), Scope: t.Scope.String(),
		})
	}
	return answer
}

func endUser(u *signetv1.EndUser) issuer.EndUser {
	return issuer.EndUser{IP: u.GetIp(), UserAgent: u.GetUserAgent(), DeviceLabel: u.GetDeviceLabel()}
}

// timestamp leaves out the zero time.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
