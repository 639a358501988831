package telemetry

type ringMetrics struct{ version, age, keys, next, waiting sampled }

func newRingMetrics(d *definer) ringMetrics {
	return ringMetrics{
		version: d.sampled("signet_key_ring_version", gauge,
			"Version of the key ring. A decrease means that the store was restored."),
		age: d.sampled("signet_key_ring_age_seconds", gauge,
			"Seconds since the store last confirmed the key ring. "+
				"Above two and a half times keys.poll_interval, the server signs nothing."),
		keys: d.sampled("signet_keys", gauge, "Keys in the ring.", "alg", "state"),
		next: d.sampled("signet_key_next_transition_seconds", gauge,
			"Seconds until the next key of an algorithm enters a state, if that has a date. "+
				"A negative value means that it is overdue.",
			"alg", "state"),
		waiting: d.sampled("signet_signatures_waiting", gauge,
			"Requests that wait for a place in the queue of RSA signatures, before they write anything."),
	}
}

func (m ringMetrics) collect(emit emitFunc, r Ring) {
	emit(m.version, float64(r.Version))
	emit(m.age, r.Age.Seconds())
	emit(m.waiting, float64(r.SignaturesWaiting))
	for k, n := range r.Keys {
		emit(m.keys, float64(n), k.Algorithm, k.State)
	}
	for k, in := range r.NextTransition {
		emit(m.next, in.Seconds(), k.Algorithm, k.State)
	}
}

type feedMetrics struct{ age, position, entries, waiting, maxWaiting sampled }

func newFeedMetrics(d *definer) feedMetrics {
	return feedMetrics{
		age: d.sampled("signet_revocations_age_seconds", gauge,
			"Seconds since the server began the last read of the revocation log whose result verifiers can get. "+
				"Verifiers do not trust this server if it is more than their limit."),
		position: d.sampled("signet_revocations_position", gauge,
			"Number of the newest revocation that verifiers can get from this server. "+
				"A decrease means that the store was restored. The difference between two servers is their lag."),
		entries: d.sampled("signet_revocations_entries", gauge,
			"Revocations that may still refuse a token, of which the server has a copy."),
		waiting: d.sampled("signet_revocations_polls_waiting", gauge, "Polls of verifiers that wait for a revocation."),
		maxWaiting: d.sampled("signet_revocations_polls_waiting_max", gauge,
			"Maximum number of these polls. The server answers the others at once, with a pause for the verifier."),
	}
}

func (m feedMetrics) collect(emit emitFunc, f Feed) {
	emit(m.age, f.Age.Seconds())
	emit(m.position, float64(f.Position))
	emit(m.entries, float64(f.Entries))
	emit(m.waiting, float64(f.Waiting))
	emit(m.maxWaiting, float64(f.MaxWaiting))
}

type hashingMetrics struct{ budget, inUse, waiting, hashes, refused sampled }

func newHashingMetrics(d *definer) hashingMetrics {
	return hashingMetrics{
		budget: d.sampled("signet_password_budget_bytes", gauge,
			"Maximum memory of all password hashes together, in bytes."),
		inUse: d.sampled("signet_password_in_use_bytes", gauge,
			"Memory that password hashes use now, in bytes."),
		waiting: d.sampled("signet_password_waiting", gauge, "Password hashes that wait in the queue."),
		hashes:  d.sampled("signet_password_hashes_total", counter, "Password hashes that were computed."),
		refused: d.sampled("signet_password_refused_total", counter,
			"Password hashes that were refused because the queue was full or the deadline was too close."),
	}
}

func (m hashingMetrics) collect(emit emitFunc, h Hashing) {
	emit(m.budget, float64(h.Budget))
	emit(m.inUse, float64(h.InUse))
	emit(m.waiting, float64(h.Waiting))
	emit(m.hashes, float64(h.Hashes))
	emit(m.refused, float64(h.Refused))
}

type poolMetrics struct{ max, acquired, idle, acquires, waits, waitSeconds sampled }

func newPoolMetrics(d *definer) poolMetrics {
	return poolMetrics{
		max: d.sampled("signet_store_pool_max_connections", gauge,
			"Maximum number of connections from this server to the database."),
		acquired: d.sampled("signet_store_pool_acquired_connections", gauge, "Connections that are in use."),
		idle:     d.sampled("signet_store_pool_idle_connections", gauge, "Connections that are open and idle."),
		acquires: d.sampled("signet_store_pool_acquires_total", counter,
			"Number of times that a connection was acquired."),
		waits: d.sampled("signet_store_pool_waits_total", counter,
			"Number of times that a caller had to wait for a connection, "+
				"or until its kind of call might use another one."),
		waitSeconds: d.sampled("signet_store_pool_wait_seconds_total", counter,
			"Total time of these waits, in seconds."),
	}
}

func (m poolMetrics) collect(emit emitFunc, p Pool) {
	emit(m.max, float64(p.Max))
	emit(m.acquired, float64(p.Acquired))
	emit(m.idle, float64(p.Idle))
	emit(m.acquires, float64(p.Acquires))
	emit(m.waits, float64(p.Waits))
	emit(m.waitSeconds, p.Waited.Seconds())
}

type sweeperMetrics struct{ grants, removed, passes, failures sampled }

func newSweeperMetrics(d *definer) sweeperMetrics {
	return sweeperMetrics{
		grants: d.sampled("signet_grants", gauge,
			"Grants in the store by state, as counted by the last complete pass of the sweeper: "+
				"an estimate as old as that pass.",
			"state"),
		removed: d.sampled("signet_sweeper_removed_total", counter,
			"Rows that the sweeper removed, by table.", "table"),
		passes: d.sampled("signet_sweeper_passes_total", counter, "Complete passes of the sweeper over the grants."),
		failures: d.sampled("signet_sweeper_failures_total", counter,
			"Passes of the sweeper that failed because of an error of the store. "+
				"The next pass starts from the beginning."),
	}
}

func (m sweeperMetrics) collect(emit emitFunc, s Sweeper) {
	emit(m.passes, float64(s.Passes))
	emit(m.failures, float64(s.Failures))
	for table, n := range s.Removed {
		emit(m.removed, float64(n), table)
	}
	for state, n := range s.Grants {
		emit(m.grants, float64(n), state)
	}
}

type listenerMetrics struct{ max, open, refused, maxRequests, requests, waiting, endedRequests sampled }

func newListenerMetrics(d *definer) listenerMetrics {
	return listenerMetrics{
		max: d.sampled("signet_connections_max", gauge,
			"Maximum number of open connections of a listener: http, grpc, gateway or ops.", "listener"),
		open: d.sampled("signet_connections", gauge, "Open connections of a listener.", "listener"),
		refused: d.sampled("signet_connections_refused_total", counter,
			"Connections that a listener closed at once, by the bound that they exceeded: "+
				"that of the listener, or that of their address.",
			"listener", "bound"),
		maxRequests: d.sampled("signet_requests_max", gauge,
			"Maximum number of requests in progress at a listener: http, grpc or gateway.", "listener"),
		requests: d.sampled("signet_requests", gauge, "Requests in progress at a listener.", "listener"),
		waiting: d.sampled("signet_requests_waiting", gauge,
			"Requests in progress whose callers have not sent the whole request yet.", "listener"),
		endedRequests: d.sampled("signet_requests_ended_total", counter,
			"Requests that ended because of the bound of a listener: refused, or displaced by a newer request "+
				"while they waited for their callers.",
			"listener", "reason"),
	}
}

func (m listenerMetrics) collect(emit emitFunc, all []Listener) {
	for _, l := range all {
		emit(m.max, float64(l.MaxConnections), l.Name)
		emit(m.open, float64(l.Connections), l.Name)
		for bound, n := range l.Refused {
			emit(m.refused, float64(n), l.Name, bound)
		}
		if l.Requests.Max > 0 {
			emit(m.maxRequests, float64(l.Requests.Max), l.Name)
			emit(m.requests, float64(l.Requests.Open), l.Name)
			emit(m.waiting, float64(l.Requests.Waiting), l.Name)
		}
		for reason, n := range l.Requests.Ended {
			emit(m.endedRequests, float64(n), l.Name, reason)
		}
	}
}
