package main

import "sync"

const maxStored = 1000

// store keeps the last maxStored orders of this environment, and the sample order 17 for good.
type store struct {
	mu     sync.Mutex
	orders map[string]order
	ids    []string // those put, oldest first
}

func newStore() *store {
	sample := order{ID: "17", SKU: "tea", Quantity: 2, UnitCents: 450, TotalCents: 900, Currency: "EUR"}
	return &store{orders: map[string]order{sample.ID: sample}}
}

func (s *store) put(o order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ids) == maxStored {
		delete(s.orders, s.ids[0])
		s.ids = append(s.ids[:0], s.ids[1:]...)
	}
	s.orders[o.ID] = o
	s.ids = append(s.ids, o.ID)
}

func (s *store) get(id string) (order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[id]
	return o, ok
}
