package lambdatest_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

func TestManagedInstancesRunInvocationsAtOnce(t *testing.T) {
	var now, most atomic.Int32
	inMemory(t, lambdatest.Config{ManagedInstances: true, Concurrency: 4}, func(p *lambdatest.Process) {
		p.Serve(func() {
			n := now.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			pause(p.Context(), time.Second)
			now.Add(-1)
		})
	}, func(t *testing.T, env *lambdatest.Environment) {
		start := time.Now()
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if resp, err := env.Invoke(t.Context(), lambdatest.Invocation{}); err != nil || resp.FunctionError != "" {
					t.Errorf("%+v, %v", resp, err)
				}
			})
		}
		wait.Wait()
		if took := time.Since(start); most.Load() != 4 || took != 2*time.Second {
			t.Errorf("at most %d at once, all in %v; want 4, in 2s", most.Load(), took)
		}
		only(t, env, lambdatest.KindProcessStart)
		idle(t, env)
		if got := events(env, lambdatest.KindFreeze); len(got) != 0 {
			t.Errorf("frozen: %v", got)
		}
	})
}

// TestTraceHeaderIsInTheContextAloneWhereInvocationsShareAProcess: a variable cannot hold several.
func TestTraceHeaderIsInTheContextAloneWhereInvocationsShareAProcess(t *testing.T) {
	const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
	var fromContext any
	var fromEnv string
	inMemory(t, lambdatest.Config{ManagedInstances: true, Concurrency: 2}, func(p *lambdatest.Process) {
		p.Serve(func(ctx context.Context) {
			fromContext, fromEnv = ctx.Value("x-amzn-trace-id"), p.Getenv("_X_AMZN_TRACE_ID")
		})
	}, func(t *testing.T, env *lambdatest.Environment) {
		invoke(t, env, lambdatest.Invocation{TraceHeader: header})
	})
	if fromContext != header || fromEnv != "" {
		t.Errorf("the context has %q, the environment %q; want the header in the context alone", fromContext, fromEnv)
	}
}

func TestRequestIDOfAnInvocationUnderWayIsRefused(t *testing.T) {
	inMemory(t, lambdatest.Config{ManagedInstances: true}, func(p *lambdatest.Process) {
		p.Serve(func() { pause(p.Context(), time.Second) })
	}, func(t *testing.T, env *lambdatest.Environment) {
		first := make(chan lambdatest.Response, 1)
		go func() {
			resp, _ := env.Invoke(t.Context(), lambdatest.Invocation{RequestID: "r"})
			first <- resp
		}()
		time.Sleep(time.Millisecond)
		if resp, err := env.Invoke(t.Context(), lambdatest.Invocation{RequestID: "r"}); err == nil || !strings.Contains(err.Error(), `"r"`) {
			t.Errorf("got %+v, %v, want an error that names the request id", resp, err)
		}
		if resp := <-first; resp.FunctionError != "" {
			t.Errorf("the first got %+v", resp)
		}
		if again := invoke(t, env, lambdatest.Invocation{RequestID: "r"}); again.FunctionError != "" {
			t.Errorf("a retry got %+v", again)
		}
	})
}

func TestLateResponseGets410OnManagedInstances(t *testing.T) {
	inMemory(t, lambdatest.Config{ManagedInstances: true, Timeout: time.Second}, func(p *lambdatest.Process) {
		p.Serve(func() { pause(p.Context(), 2*time.Second) })
	}, func(t *testing.T, env *lambdatest.Environment) {
		start := time.Now()
		resp := invoke(t, env, lambdatest.Invocation{})
		if took := time.Since(start); !resp.TimedOut || took != time.Second {
			t.Errorf("answered %+v after %v, want a timeout after 1s", resp, took)
		}
		if exit := exited(t, env); exit.Count != 1 {
			t.Errorf("exit code %d, want 1", exit.Count)
		}
		if got := only(t, env, lambdatest.KindResponseRefused).Count; got != http.StatusGone {
			t.Errorf("refused with %d, want 410", got)
		}
		if got := events(env, lambdatest.KindSigterm, lambdatest.KindSigkill); len(got) != 0 {
			t.Errorf("signals: %v", got)
		}
		if again := invoke(t, env, lambdatest.Invocation{}); !again.Cold {
			t.Error("no new process")
		}
	})
}

// TestManagedInstancesFinishWhatOtherLoopsHaveInHand: the loop that panicked waits for the others, then the process exits.
func TestManagedInstancesFinishWhatOtherLoopsHaveInHand(t *testing.T) {
	inMemory(t, lambdatest.Config{ManagedInstances: true, Concurrency: 2}, func(p *lambdatest.Process) {
		p.Serve(func(_ context.Context, event struct{ Panic bool }) error {
			if event.Panic {
				panic("boom")
			}
			pause(p.Context(), time.Second)
			return nil
		})
	}, func(t *testing.T, env *lambdatest.Environment) {
		slow := make(chan lambdatest.Response, 1)
		go func() {
			resp, _ := env.Invoke(t.Context(), lambdatest.Invocation{})
			slow <- resp
		}()
		time.Sleep(time.Millisecond)
		invoke(t, env, lambdatest.Invocation{Payload: []byte(`{"Panic":true}`)})
		if resp := <-slow; resp.FunctionError != "" {
			t.Errorf("the other invocation: %+v", resp)
		}
		if exit := exited(t, env); exit.Count != 1 {
			t.Errorf("exit code %d, want 1", exit.Count)
		}
	})
}

func TestFunctionsEnvironmentVariables(t *testing.T) {
	read := func(cfg lambdatest.Config) map[string]string {
		vars := make(map[string]string)
		inMemory(t, cfg, func(p *lambdatest.Process) {
			for _, kv := range p.Environ() {
				key, value, _ := strings.Cut(kv, "=")
				vars[key] = value
			}
			p.Serve(ok)
		}, func(t *testing.T, env *lambdatest.Environment) { invoke(t, env, lambdatest.Invocation{}) })
		return vars
	}
	vars := read(lambdatest.Config{
		FunctionName: "orders", FunctionVersion: "3", MemorySize: 512, Region: "eu-north-1", Env: []string{"A=1", "A=2", "TZ=UTC"},
	})
	for key, want := range map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME": "orders", "AWS_LAMBDA_FUNCTION_VERSION": "3", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders", "AWS_REGION": "eu-north-1", "_HANDLER": "bootstrap",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "A": "2", "TZ": "UTC", "LAMBDA_TASK_ROOT": "/var/task", "AWS_LAMBDA_LOG_FORMAT": "Text",
	} {
		if vars[key] != want {
			t.Errorf("%s=%q, want %q", key, vars[key], want)
		}
	}
	for _, key := range []string{
		"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_XRAY_DAEMON_ADDRESS",
	} {
		if vars[key] == "" {
			t.Errorf("%s is not set", key)
		}
	}
	for _, key := range []string{"AWS_EXECUTION_ENV", "AWS_LAMBDA_MAX_CONCURRENCY"} {
		if value, set := vars[key]; set {
			t.Errorf("%s=%q, want it unset", key, value)
		}
	}
	if zone := read(lambdatest.Config{})["TZ"]; zone != ":UTC" {
		t.Errorf("TZ=%q where Config.Env does not say otherwise, want :UTC", zone)
	}
	managed := read(lambdatest.Config{ManagedInstances: true, Concurrency: 3})
	if managed["AWS_LAMBDA_INITIALIZATION_TYPE"] != "lambda-managed-instances" || managed["AWS_LAMBDA_MAX_CONCURRENCY"] != "3" {
		t.Errorf("managed instances: %v", managed)
	}
}

func TestReportOfInvocationsThatEndWithTheirProcess(t *testing.T) {
	inMemory(t, lambdatest.Config{ManagedInstances: true, Concurrency: 3}, func(p *lambdatest.Process) {
		p.Serve(func() { pause(p.Context(), time.Second); p.Exit(7) })
	}, func(t *testing.T, env *lambdatest.Environment) {
		var wait sync.WaitGroup
		for range 6 {
			wait.Go(func() { _, _ = env.Invoke(t.Context(), lambdatest.Invocation{}) })
		}
		wait.Wait()
		idle(t, env)
		reports := lambdatest.Invocations(env.Log().Events())
		for _, r := range reports {
			if !r.Exited || r.ErrorType != "Runtime.ExitError" || r.Billed != time.Second {
				t.Errorf("report %+v", r)
			}
		}
		if len(reports) != 6 || reports[5].Process != 2 {
			t.Errorf("%d reports, the last of process %d; want 6, of 2", len(reports), reports[len(reports)-1].Process)
		}
	})
}
