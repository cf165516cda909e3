package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/lambdatest/internal/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const address = "collector:4318"

// pair returns both ends of a connection, the first dialed from h, or from no host if h is nil.
func pair(t *testing.T, n *memnet.Network, h *memnet.Host) (near, far net.Conn) {
	t.Helper()
	l, err := n.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dial := n.DialContext
	if h != nil {
		dial = h.DialContext
	}
	if near, err = dial(t.Context(), "tcp", address); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

func TestAddressesThatCannotBeUsed(t *testing.T) {
	var network memnet.Network
	if _, err := network.DialContext(t.Context(), "tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial without a listener: %v, want ECONNREFUSED", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := network.DialContext(done, "tcp", address); !errors.Is(err, context.Canceled) {
		t.Errorf("dial: %v, want Canceled", err)
	}
	if _, err := network.Listen("no-port"); err == nil {
		t.Error("an address without a port was accepted")
	}
	for range 2 { // Close frees the address
		l, err := network.Listen(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := network.Listen(address); err == nil {
			t.Error("an address was given out twice")
		}
		_ = l.Close()
	}
}

func TestListenerCloseEndsAcceptAndResetsTheBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		l, _ := network.Listen(address)
		waiting, err := network.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v, want net.ErrClosed", err)
		}
		if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read: %v, want ECONNRESET", err)
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		near, far := pair(t, &network, nil)
		defer near.Close()
		defer far.Close()
		start := time.Now()
		_ = near.SetReadDeadline(start.Add(time.Minute))
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("read: %v after %v, want the deadline after 1m", err, time.Since(start))
		}
		_ = near.SetWriteDeadline(time.Now().Add(time.Minute))
		n, err := near.Write(make([]byte, 1<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n != 64<<10 {
			t.Errorf("write into a full buffer: %d, %v, want 65536 and the deadline", n, err)
		}
		_ = near.SetDeadline(time.Time{})
		go func() { _, _ = far.Write([]byte("x")) }()
		if _, err := near.Read(make([]byte, 1)); err != nil {
			t.Errorf("read without a deadline: %v", err)
		}
	})
}

func TestCloseDeliversWhatWasSentFirst(t *testing.T) {
	var network memnet.Network
	near, far := pair(t, &network, nil)
	_, _ = near.Write([]byte("last words"))
	_ = near.Close()
	got, err := io.ReadAll(far)
	if err != nil || string(got) != "last words" {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := far.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write: %v, want EPIPE", err)
	}
	if err := near.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v, want net.ErrClosed", err)
	}
	_ = far.Close()
	if n := network.Cut(""); n != 0 {
		t.Errorf("%d connections left after both ends closed", n)
	}
}

func TestCutResetsBothEnds(t *testing.T) {
	var network memnet.Network
	near, far := pair(t, &network, nil)
	if n := network.Cut("elsewhere:1"); n != 0 {
		t.Errorf("cut %d connections to an address that has none", n)
	}
	if n := network.Cut(address); n != 1 {
		t.Errorf("cut %d connections, want 1", n)
	}
	for name, c := range map[string]net.Conn{"near": near, "far": far} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s read: %v, want ECONNRESET", name, err)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s write: %v, want ECONNRESET", name, err)
		}
	}
}

func TestFrozenHostNeitherSendsNorReceives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		held := make(chan string, 8)
		host := network.Host("function", func(op, address string) { held <- op + " " + address })
		near, far := pair(t, &network, host)
		defer far.Close()
		arrived := make(chan string, 1)
		go func() {
			b := make([]byte, 16)
			n, _ := near.Read(b)
			arrived <- string(b[:n])
		}()
		synctest.Wait()
		host.Freeze()
		_, _ = far.Write([]byte("request"))
		wrote := make(chan error, 1)
		go func() { _, err := near.Write([]byte("answer")); wrote <- err }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(arrived) != 0 || len(wrote) != 0 {
			t.Fatal("a frozen host's connection made progress")
		}
		if got := <-held; got != "write "+address {
			t.Errorf("held %q", got)
		}
		host.Thaw()
		if err := <-wrote; err != nil {
			t.Error(err)
		}
		if got := <-arrived; got != "request" {
			t.Errorf("read %q", got)
		}
		host.Freeze()
		network.Cut(address)
		go func() { _, err := near.Read(make([]byte, 1)); wrote <- err }()
		synctest.Wait()
		if len(wrote) != 0 {
			t.Error("a frozen host saw the reset")
		}
		host.Thaw()
		if err := <-wrote; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read after the thaw: %v, want ECONNRESET", err)
		}
		host.End()
	})
}

func TestEndOfAFrozenHostReleasesEverythingItHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		held := make(chan string, 8)
		host := network.Host("function", func(op, _ string) { held <- op })
		near, far := pair(t, &network, host)
		host.Freeze()
		failed := make(chan error, 2)
		go func() { _, err := near.Read(make([]byte, 1)); failed <- err }()
		go func() { _, err := host.DialContext(t.Context(), "tcp", address); failed <- err }()
		synctest.Wait()
		host.End()
		for range 2 {
			if err := <-failed; !errors.Is(err, net.ErrClosed) {
				t.Errorf("got %v, want net.ErrClosed", err)
			}
		}
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("peer's read: %v, want EOF", err)
		}
		if got := <-held; got != "dial" {
			t.Errorf("held %q, want dial", got)
		}
	})
}

// TestCloseOnAFrozenHostDoesNotWait: the idle timers of net/http close connections one after the other under one lock. When
// Close waited for the thaw, a freeze longer than such a timer stopped a bubble for good.
func TestCloseOnAFrozenHostDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		host := network.Host("function", nil)
		near, far := pair(t, &network, host)
		host.Freeze()
		if err := near.Close(); err != nil {
			t.Error(err)
		}
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read after Close: %v, want net.ErrClosed", err)
		}
		seen := make(chan error, 1)
		go func() { _, err := far.Read(make([]byte, 1)); seen <- err }()
		synctest.Wait()
		if len(seen) != 0 {
			t.Error("the peer of a frozen host saw its Close")
		}
		host.Thaw()
		if err := <-seen; !errors.Is(err, io.EOF) {
			t.Errorf("peer's read after the thaw: %v, want EOF", err)
		}
		_ = far.Close()
	})
}

func TestCloseWithoutLingerResets(t *testing.T) {
	var network memnet.Network
	near, far := pair(t, &network, nil)
	if _, err := near.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	if err := near.(interface{ SetLinger(sec int) error }).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = near.Close()
	if _, err := far.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("peer's read: %v, want ECONNRESET", err)
	}
	_ = far.Close()
}
