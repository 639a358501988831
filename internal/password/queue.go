package password

import (
	"context"
	"net/netip"
	"slices"
)

// A Caller is the one for whom a hash is computed. Clients take turns, and so
// do the addresses of one client. The zero Caller is the administration of the
// server.
type Caller struct {
	// Client is the id of the client.
	Client string
	// Address is the block of addresses of the end user. The zero value means
	// that the address is not known.
	Address netip.Prefix
}

// A place is what a caller holds in the queue, from before its hash until the
// caller releases it.
type place struct {
	caller Caller
	// cancel ends the context of the caller with the cause of a refusal.
	cancel context.CancelCauseFunc
	// begun is true after the hash has begun. Then the place is not refused any
	// more.
	begun bool
	// removed is true after the place was released or refused.
	removed bool
	// waiting is the hash of the place that waits for its turn, if one does.
	waiting *waiter
}

// A waiter is a hash that waits for memory and a CPU.
type waiter struct {
	place *place
	need  resources
	// ready is closed when the hash may begin.
	ready chan struct{}
}

// A queue has the places and the waiting hashes of all callers. The number of
// places bounds its size. It is not safe for concurrent use.
type queue struct {
	clients map[string]*clientQueue
	// turns are the clients with waiting hashes. The first one is next.
	turns []*clientQueue
	// places is the number of places.
	places int
}

// A clientQueue is the part of a client.
type clientQueue struct {
	addresses map[netip.Prefix]*addressQueue
	turns     []*addressQueue
	places    int
	// unbegun is the number of places whose hash has not begun.
	unbegun int
}

// An addressQueue is the part of an address of a client.
type addressQueue struct {
	client *clientQueue
	places int
	// unbegun are the places whose hash has not begun, in the order of arrival.
	unbegun []*place
	waiters []*waiter
}

// of returns the part of the caller. It is new if the caller has no place.
func (q *queue) of(c Caller) *addressQueue {
	client := q.clients[c.Client]
	if client == nil {
		client = &clientQueue{addresses: map[netip.Prefix]*addressQueue{}}
		if q.clients == nil {
			q.clients = map[string]*clientQueue{}
		}
		q.clients[c.Client] = client
	}
	address := client.addresses[c.Address]
	if address == nil {
		address = &addressQueue{client: client}
		client.addresses[c.Address] = address
	}
	return address
}

// add adds a place.
func (q *queue) add(p *place) {
	a := q.of(p.caller)
	q.places++
	a.client.places++
	a.places++
	a.client.unbegun++
	a.unbegun = append(a.unbegun, p)
}

// remove removes a place, and the parts that have no more place.
func (q *queue) remove(p *place) {
	if p.waiting != nil {
		q.dequeue(p.waiting)
	}
	q.begin(p)
	p.removed = true
	a := q.of(p.caller)
	q.places--
	a.client.places--
	a.places--
	if a.places == 0 {
		delete(a.client.addresses, p.caller.Address)
	}
	if a.client.places == 0 {
		delete(q.clients, p.caller.Client)
	}
}

// begin records that the hash of a place begins.
func (q *queue) begin(p *place) {
	if p.begun {
		return
	}
	p.begun = true
	a := q.of(p.caller)
	a.client.unbegun--
	i := slices.Index(a.unbegun, p)
	a.unbegun = slices.Delete(a.unbegun, i, i+1)
}

// ahead returns how many hashes begin up to that of the latest place of a
// caller: those of its address, and as many of each other address and of each
// other client as have their turn until then.
func (q *queue) ahead(c Caller) int {
	own := q.of(c)
	turns := len(own.unbegun)
	ofClient := turns
	for _, a := range own.client.addresses {
		if a != own {
			ofClient += min(len(a.unbegun), turns)
		}
	}

	all := ofClient
	for _, other := range q.clients {
		if other != own.client {
			all += min(other.unbegun, ofClient)
		}
	}
	return all
}

// surplus returns the place that the queue gives up when it has one too many
// after it has added p: the latest one of the client with the most places, and
// of its address with the most places. If several have as many as the caller of
// p, it is p.
func (q *queue) surplus(p *place) *place {
	address := q.of(p.caller)
	client := address.client
	for _, c := range q.clients {
		if c.unbegun > 0 && c.places > client.places {
			client = c
		}
	}
	if client != address.client {
		address = nil
	}
	for _, a := range client.addresses {
		if len(a.unbegun) > 0 && (address == nil || a.places > address.places) {
			address = a
		}
	}
	return address.unbegun[len(address.unbegun)-1]
}

// enqueue adds a waiting hash.
func (q *queue) enqueue(w *waiter) {
	a := q.of(w.place.caller)
	if len(a.client.turns) == 0 {
		q.turns = append(q.turns, a.client)
	}
	if len(a.waiters) == 0 {
		a.client.turns = append(a.client.turns, a)
	}
	a.waiters = append(a.waiters, w)
	w.place.waiting = w
}

// next returns the waiting hash whose turn it is, or nil if none waits.
func (q *queue) next() *waiter {
	if len(q.turns) == 0 {
		return nil
	}
	return q.turns[0].turns[0].waiters[0]
}

// endTurn removes the waiting hash whose turn it was. The other clients have
// their turns before its client, and the other addresses of the client before
// its address.
func (q *queue) endTurn() {
	client := q.turns[0]
	address := client.turns[0]
	address.waiters[0].place.waiting = nil
	address.waiters = address.waiters[1:]
	q.turns, client.turns = q.turns[1:], client.turns[1:]
	if len(address.waiters) > 0 {
		client.turns = append(client.turns, address)
	}
	if len(client.turns) > 0 {
		q.turns = append(q.turns, client)
	}
}

// dequeue removes a hash that stops waiting before its turn.
func (q *queue) dequeue(w *waiter) {
	w.place.waiting = nil
	a := q.of(w.place.caller)
	a.waiters = slices.DeleteFunc(a.waiters, func(x *waiter) bool { return x == w })
	a.client.turns = slices.DeleteFunc(a.client.turns, func(a *addressQueue) bool { return len(a.waiters) == 0 })
	q.turns = slices.DeleteFunc(q.turns, func(c *clientQueue) bool { return len(c.turns) == 0 })
}
