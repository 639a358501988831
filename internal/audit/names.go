package audit

// The names of the events. EventNames returns all of them.
const (
	LoginSucceeded  = "login.succeeded"
	LoginFailed     = "login.failed"
	TokenMinted     = "token.minted"
	RefreshReused   = "refresh.reused"
	RefreshRepeated = "refresh.repeated"
	RefreshAhead    = "refresh.ahead"
	RefreshMissing  = "refresh.missing"
	GrantRevoked    = "grant.revoked"
	TokenRevoked    = "token.revoked"
	RevocationAdded = "revocation.added"
	UserCreated     = "user.created"
	UserDisabled    = "user.disabled"
	UserEnabled     = "user.enabled"
	UserUnlocked    = "user.unlocked"
	UserDeleted     = "user.deleted"
	PasswordSet     = "user.password_set"
	ClaimsSet       = "user.claims_set"
	ClientCreated   = "client.created"
	ClientUpdated   = "client.updated"
	ClientDeleted   = "client.deleted"
	AudienceCreated = "audience.created"
	AudienceUpdated = "audience.updated"
	AudienceDeleted = "audience.deleted"
	KeyCreated      = "key.created"
	KeyImported     = "key.imported"
	KeyRotated      = "key.rotated"
	KeyCancelled    = "key.cancelled"
	KeyRetired      = "key.retired"
	KeyCompromised  = "key.compromised"
	KeyDestroyed    = "key.destroyed"
	KeyResealed     = "key.resealed"
	CanaryIssued    = "canary.issued"
	KEKAdded        = "kek.added"
	RestoreAccepted = "ring.restore_accepted"
)

// EventNames returns the names of all events.
func EventNames() []string {
	return []string{
		LoginSucceeded, LoginFailed, TokenMinted, RefreshReused, RefreshRepeated, RefreshAhead, RefreshMissing,
		GrantRevoked, TokenRevoked, RevocationAdded, UserCreated, UserDisabled, UserEnabled, UserUnlocked, UserDeleted,
		PasswordSet, ClaimsSet, ClientCreated, ClientUpdated, ClientDeleted, AudienceCreated,
		AudienceUpdated, AudienceDeleted, KeyCreated, KeyImported, KeyRotated, KeyCancelled,
		KeyRetired, KeyCompromised, KeyDestroyed, KeyResealed, CanaryIssued, KEKAdded, RestoreAccepted,
	}
}

// The outcomes of an event.
const (
	OutcomeSuccess = "success"
	OutcomeFailure = "failure"
)

// The reasons for which a grant is revoked. The store keeps them with the
// grant.
const (
	// RevokedByClient means that the client requested it (RFC 7009).
	RevokedByClient = "client"
	// RevokedByReuse means that a superseded refresh token was used again (RFC
	// 9700 §4.14.2).
	RevokedByReuse = "reuse"
	// RevokedByAdmin means that an operator requested it.
	RevokedByAdmin = "admin"
	// RevokedByPassword means that the password was set or changed.
	RevokedByPassword = "password_change"
	// RevokedByDeletion means that the user or the client was deleted.
	RevokedByDeletion = "deletion"
	// RevokedByLimit means that the user had more live grants at the client
	// than the client allows, and this one was the least recently used.
	RevokedByLimit = "limit"
	// RevokedNotAudited means that the event of the creation of the grant could
	// not be written. So no client has its tokens, and no event names this
	// reason.
	RevokedNotAudited = "not_audited"
)

// The reasons for which a login fails.
const (
	ThrottledAccount = "throttled_account"
	ThrottledAddress = "throttled_address"
	ThrottledDevice  = "throttled_device"
	// ThrottledLogins means that the password was valid, and the account had
	// too many successful logins.
	ThrottledLogins = "throttled_logins"
	UnknownUser     = "unknown_user"
	WrongPassword   = "wrong_password"
	DisabledUser    = "user_disabled"
	// ChangedMeanwhile means that the user was changed between the password
	// check and the creation of the grant.
	ChangedMeanwhile = "changed_meanwhile"
)

// The reasons of changes to users, clients and audiences.
const (
	Imported        = "import"
	Enabled         = "enabled"
	Disabled        = "disabled"
	SecretRotated   = "secret"
	SettingsChanged = "settings"
)
