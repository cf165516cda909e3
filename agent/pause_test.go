package agent_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// scripted is an Extensions API that answers the calls of next from a list, and the last answer forever.
type scripted struct {
	answers []int // status codes; 200 comes with an INVOKE event

	mu    sync.Mutex
	asked []time.Time
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Lambda-Extension-Identifier", "id")
	if strings.HasSuffix(r.URL.Path, "/register") {
		_, _ = w.Write([]byte("{}"))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.asked)
	s.asked = append(s.asked, time.Now())
	w.WriteHeader(s.answers[min(n, len(s.answers)-1)])
	_, _ = w.Write([]byte(`{"eventType":"INVOKE","requestId":"` + strconv.Itoa(n) + `"}`))
}

// pauses are the times between the calls.
func (s *scripted) pauses() (all []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.asked[1:] {
		all = append(all, s.asked[i+1].Sub(s.asked[i]))
	}
	return all
}

// TestPausesGrowUntilNextWorks: each pause is the last one's double, less up to a half at random, and the first again
// once next has worked.
func TestPausesGrowUntilNextWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &scripted{answers: []int{500, 500, 500, 500, 500, 500, 500, 500, 500, 200, 500}}
		var network lambdatest.Network
		l, err := network.Listen("169.254.100.1:9001")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: api}
		go func() { _ = server.Serve(l) }()
		gone := make(chan struct{})
		p := nowhere(t)
		p.Getenv, p.Notify, p.StopNotify, p.Done = inLambda, noNotify, noStop, gone
		p.Dial = network.DialContext
		agent.Start(t.Context(), agent.MultiFlusher(), agent.WithProcess(p), agent.WithLogger((&run{lines: &lines{}}).logger()))
		time.Sleep(10 * time.Second)
		close(gone)
		synctest.Wait()
		_ = server.Close()

		const ms = time.Millisecond
		got := api.pauses()
		want := []time.Duration{10 * ms, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, time.Second, time.Second, 0, 10 * ms, 20 * ms}
		if len(got) < len(want) {
			t.Fatalf("pauses %v", got)
		}
		for i, most := range want {
			if got[i] > most || got[i] < most/2 {
				t.Errorf("pause %d is %v, want half of %v to all of it", i, got[i], most)
			}
		}
	})
}
