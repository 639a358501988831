package adminrpc_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/signetd/signet/internal/client"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestListsReturnAllPages(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	for n := range 7 {
		id := fmt.Sprintf("z%d", n)
		_, err := f.Admin.CreateAudience(t.Context(), operator, client.Audience{ID: id})
		must(t, err)
		_, _, err = f.Admin.CreateClient(t.Context(), operator, client.Client{ID: id}, "")
		must(t, err)
		_, err = f.Admin.CreateUser(t.Context(), operator, id, "a very good password", nil)
		must(t, err)
	}
	lists := map[string]func(size int32, token string) ([]string, string, error){
		"users": func(size int32, token string) (ids []string, next string, err error) {
			r, err := f.AdminService.ListUsers(ctx, &signetv1.ListUsersRequest{PageSize: size, PageToken: token})
			for _, x := range r.GetUsers() {
				ids = append(ids, x.GetUsername())
			}
			return ids, r.GetNextPageToken(), err
		},
		"clients": func(size int32, token string) (ids []string, next string, err error) {
			r, err := f.AdminService.ListClients(ctx, &signetv1.ListClientsRequest{PageSize: size, PageToken: token})
			for _, x := range r.GetClients() {
				ids = append(ids, x.GetId())
			}
			return ids, r.GetNextPageToken(), err
		},
		"audiences": func(size int32, token string) (ids []string, next string, err error) {
			r, err := f.AdminService.ListAudiences(ctx, &signetv1.ListAudiencesRequest{
				PageSize: size, PageToken: token,
			})
			for _, x := range r.GetAudiences() {
				ids = append(ids, x.GetId())
			}
			return ids, r.GetNextPageToken(), err
		},
	}
	tokens := make(map[string]string)
	for name, list := range lists {
		whole, next, err := list(0, "")
		if err != nil || next != "" || len(whole) < 8 || !slices.IsSorted(whole) {
			t.Errorf("%s: %q, %q, %v", name, whole, next, err)
		}
		for _, size := range []int32{1, 3, int32(len(whole)), 1000} {
			var all []string
			for token := ""; ; {
				ids, next, err := list(size, token)
				must(t, err)
				if len(ids) > int(size) || len(ids) == 0 {
					t.Fatalf("%s: a page of size %d has %d", name, size, len(ids))
				}
				all = append(all, ids...)
				if token = next; token == "" {
					break
				}
				tokens[name] = token
			}
			if !slices.Equal(all, whole) {
				t.Errorf("%s in pages of %d: %q, want %q", name, size, all, whole)
			}
		}
		for _, size := range []int32{-1, 1001} {
			if _, _, err := list(size, ""); reason(err) != "INVALID_REQUEST" {
				t.Errorf("%s: page_size %d: %v", name, size, err)
			}
		}
	}
	for name, list := range lists {
		for of, token := range tokens {
			_, _, err := list(1, token)
			if (err == nil) != (of == name) || err != nil && reason(err) != "INVALID_REQUEST" {
				t.Errorf("a token of %s for %s: %v", of, name, err)
			}
		}
	}
}
