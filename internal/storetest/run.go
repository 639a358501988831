package storetest

import (
	"slices"
	"testing"
)

// Run runs all cases, each on a place of its own.
func Run(t *testing.T, place Place) {
	// This case is first, because it needs a place without a schema.
	t.Run("ConcurrentFirstStarts", func(t *testing.T) { concurrentFirstStarts(t, place(t)) })

	for _, c := range slices.Concat(userCases, passwordCases, subjectCases, directoryCases, changesCases, ringCases,
		grantCases, refreshCases, touchCases, assertionCases, sweepCases, attemptCases, endingCases, endingScanCases,
		revocationCases, loggedActCases, logTokenCases, revocationWriterCases, verifierCases, hostileCases) {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t, place(t))) })
	}
	for _, c := range contentionCases {
		t.Run(c.name, func(t *testing.T) {
			start := place(t)
			c.run(t, [2]Store{open(t, start), open(t, start)})
		})
	}
}

// contentionCases run on two servers on one place, with concurrent goroutines
// on each.
var contentionCases = []contentionCase{
	{"Rule23_OneTokenManyClients", oneTokenManyClients},
	{"Rule23_OneTokenManyClientsWithoutLeeway", oneTokenWithoutLeeway},
	{"Rule24_OneTokenOneKey", oneTokenOneKey},
	{"RefreshesInDifferentOrders", refreshesInDifferentOrders},
	{"ConcurrentTouchesAndRefreshes", touchesAndRefreshes},
	{"ConcurrentTouchesAndRevocations", touchesAndRevocations},
	{"EachRefreshGetsItsOwnResult", eachRefreshGetsItsOwnResult},
	{"EachWriteGetsItsOwnResult", eachWriteGetsItsOwnResult},
	{"ConcurrentKeyRotations", concurrentKeyRotations},
	{"Rule31_NoRefreshAfterTheRevocation", revokeDuringRefreshes},
	{"Rule28_ConcurrentLoginIsEnded", endDuringLogins},
	{"Rule28_LoginsOfOtherUsersSucceed", endDuringLoginsOfOthers},
	{"Rule31_NoRefreshAfterAnEnding", endingsDuringRefreshes},
	{"Rule31_EndingsDuringMints", endingsDuringMints},
	{"Rule31_LoginsDuringTheDeletionOfTheirClient", deleteClientDuringLogins},
	{"ParallelLoginsAndTheLimit", parallelLoginsAndLimit},
	{"RevocationLogHasNoGaps", logWithoutGaps},
	{"Rule31_TokensOfEndedGrantsAreRefused", tokensOfEndedGrants},
	{"ConcurrentSuspensionAndRefreshes", suspendDuringRefreshes},
	{"ConcurrentDisablesAreOne", concurrentDisables},
	{"ConcurrentUpdatesOfOneClient", concurrentUpdates},
	{"ConcurrentChangesOfTheDirectory", concurrentChanges},
	{"ConcurrentCreatesOfOneName", concurrentCreates},
	{"ConcurrentUserAndClientOfOneID", concurrentSubjects},
	{"Rule52_ConcurrentAttemptsAreAllCounted", concurrentAttempts},
	{"ConcurrentAttemptsAndRefunds", concurrentAttemptsAndRefunds},
	{"Rule12_OneAssertionManyServers", oneAssertionManyServers},
	{"ConcurrentSweepsAndRefreshes", concurrentSweepsAndRefreshes},
	{"ConcurrentSweepsShareTheWork", concurrentSweeps},
	{"RevocationsOfManyServersHaveNoGap", revocationsOfManyServers},
	{"RevocationsOfAllWritersHaveNoGap", revocationsOfAllWriters},
	{"ConcurrentReportsOfVerifiers", concurrentReports},
	{"ReadsAreNotOlderThanTheirRequest", readsAreNotOlderThanTheirRequest},
}
