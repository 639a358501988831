package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/signetd/signet/internal/login"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// CreateUser makes an account.
func (s *adminService) CreateUser(ctx context.Context, r *signetv1.CreateUserRequest) (*signetv1.User, error) {
	if err := validatePassword(r.GetUsername(), r.GetPassword()); err != nil {
		return nil, err
	}
	u, err := s.admin.CreateUser(ctx, actorOf(ctx), r.GetUsername(), r.GetPassword(), claims(r.GetClaims()))
	if err != nil {
		return nil, err
	}
	return userMessage(u), nil
}

// GetUser returns an account.
func (s *adminService) GetUser(ctx context.Context, r *signetv1.GetUserRequest) (*signetv1.User, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	u, err := s.admin.User(ctx, r.GetUsername())
	if err != nil {
		return nil, err
	}
	return userMessage(u), nil
}

// ListUsers returns one page of the accounts.
func (s *adminService) ListUsers(ctx context.Context, r *signetv1.ListUsersRequest) (*signetv1.ListUsersResponse, error) {
	const list = "users"
	if err := validatePage(r.GetPageSize(), r.GetPageToken()); err != nil {
		return nil, err
	}
	after, err := s.pages.cursor(ctx, list, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	limit := pageSize(r.GetPageSize())
	found, err := s.admin.Users(ctx, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, more := cut(found, limit, userMessage)
	answer := &signetv1.ListUsersResponse{Users: page}
	if more {
		answer.NextPageToken, err = s.pages.token(list, page[len(page)-1].GetUsername())
	}
	return answer, err
}

// DisableUser refuses the user's logins and suspends their grants.
func (s *adminService) DisableUser(ctx context.Context, r *signetv1.DisableUserRequest) (*emptypb.Empty, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	return done(s.admin.DisableUser(ctx, actorOf(ctx), r.GetUsername()))
}

// EnableUser undoes DisableUser.
func (s *adminService) EnableUser(ctx context.Context, r *signetv1.EnableUserRequest) (*emptypb.Empty, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	return done(s.admin.EnableUser(ctx, actorOf(ctx), r.GetUsername()))
}

// DeleteUser deletes the account.
func (s *adminService) DeleteUser(ctx context.Context, r *signetv1.DeleteUserRequest) (*emptypb.Empty, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	return done(s.admin.DeleteUser(ctx, actorOf(ctx), r.GetUsername()))
}

// UnlockUser forgets the user's failed logins.
func (s *adminService) UnlockUser(ctx context.Context, r *signetv1.UnlockUserRequest) (*emptypb.Empty, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	return done(s.admin.UnlockUser(ctx, actorOf(ctx), r.GetUsername()))
}

// SetUserPassword replaces the password.
func (s *adminService) SetUserPassword(ctx context.Context, r *signetv1.SetUserPasswordRequest) (*emptypb.Empty, error) {
	if err := validatePassword(r.GetUsername(), r.GetPassword()); err != nil {
		return nil, err
	}
	return done(s.admin.SetPassword(ctx, actorOf(ctx), r.GetUsername(), r.GetPassword()))
}

// SetUserClaims replaces the claims.
func (s *adminService) SetUserClaims(ctx context.Context, r *signetv1.SetUserClaimsRequest) (*emptypb.Empty, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	return done(s.admin.SetClaims(ctx, actorOf(ctx), r.GetUsername(), claims(r.GetClaims())))
}

// claims returns nil for none.
func claims(given *structpb.Struct) map[string]any {
	if len(given.GetFields()) == 0 {
		return nil
	}
	return given.AsMap()
}

func userMessage(u login.User) *signetv1.User {
	m := &signetv1.User{Id: u.ID, Username: u.Username, DisabledAt: timestamp(u.DisabledAt), CreatedAt: timestamp(u.CreatedAt)}
	if len(u.Claims) > 0 {
		m.Claims, _ = structpb.NewStruct(u.Claims) // it fails only for what is no JSON, and they were kept as JSON
	}
	return m
}
