package adminrpc

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/rpc/page"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// CreateUser creates a user.
func (s *Service) CreateUser(ctx context.Context, r *signetv1.CreateUserRequest) (*signetv1.User, error) {
	if err := validateNewUser(r); err != nil {
		return nil, err
	}
	u, err := s.Admin.CreateUser(ctx, actorOf(ctx), r.GetUsername(), r.GetPassword(), readClaims(r.GetClaims()))
	if err != nil {
		return nil, err
	}
	return userMessage(u), nil
}

// GetUser returns a user.
func (s *Service) GetUser(ctx context.Context, r *signetv1.GetUserRequest) (*signetv1.User, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	u, err := s.Admin.User(ctx, r.GetUsername())
	if err != nil {
		return nil, err
	}
	return userMessage(u), nil
}

// ListUsers returns one page of the users.
func (s *Service) ListUsers(ctx context.Context, r *signetv1.ListUsersRequest) (*signetv1.ListUsersResponse, error) {
	const list = "users"
	if err := validatePage(r.GetPageSize(), r.GetPageToken()); err != nil {
		return nil, err
	}
	after, err := s.pages().Cursor(ctx, list, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	limit := page.Size(r.GetPageSize())
	found, err := s.Admin.Users(ctx, after, limit+1)
	if err != nil {
		return nil, err
	}

	users, more := page.Cut(found, limit, userMessage)
	response := &signetv1.ListUsersResponse{Users: users}
	if more {
		response.NextPageToken, err = s.pages().Make(list, users[len(users)-1].GetUsername())
	}
	return response, err
}

// DisableUser refuses the logins of a user and suspends their grants.
func (s *Service) DisableUser(ctx context.Context, r *signetv1.DisableUserRequest) (*emptypb.Empty, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	return empty(s.Admin.DisableUser(ctx, actorOf(ctx), r.GetUsername()))
}

// EnableUser reverts DisableUser.
func (s *Service) EnableUser(ctx context.Context, r *signetv1.EnableUserRequest) (*emptypb.Empty, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	return empty(s.Admin.EnableUser(ctx, actorOf(ctx), r.GetUsername()))
}

// DeleteUser deletes a user.
func (s *Service) DeleteUser(ctx context.Context, r *signetv1.DeleteUserRequest) (*emptypb.Empty, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	return empty(s.Admin.DeleteUser(ctx, actorOf(ctx), r.GetUsername()))
}

// UnlockUser resets the counter of a user's failed logins.
func (s *Service) UnlockUser(ctx context.Context, r *signetv1.UnlockUserRequest) (*emptypb.Empty, error) {
	if err := validateUsername(r.GetUsername()); err != nil {
		return nil, err
	}
	return empty(s.Admin.UnlockUser(ctx, actorOf(ctx), r.GetUsername()))
}

// SetUserPassword replaces the password of a user.
func (s *Service) SetUserPassword(ctx context.Context, r *signetv1.SetUserPasswordRequest) (*emptypb.Empty, error) {
	if err := validatePassword(r.GetUsername(), r.GetPassword()); err != nil {
		return nil, err
	}
	return empty(s.Admin.SetPassword(ctx, actorOf(ctx), r.GetUsername(), r.GetPassword()))
}

// SetUserClaims replaces the claims of a user.
func (s *Service) SetUserClaims(ctx context.Context, r *signetv1.SetUserClaimsRequest) (*emptypb.Empty, error) {
	if err := validateUserClaims(r); err != nil {
		return nil, err
	}
	return empty(s.Admin.SetClaims(ctx, actorOf(ctx), r.GetUsername(), readClaims(r.GetClaims())))
}
