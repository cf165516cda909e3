package arch

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/epilogue-go/epilogue"

// rule forbids one or more packages everywhere below a package's imports.
type rule struct {
	pkg    string   // the importing package, below the module
	never  []string // prefixes of import paths that must not be among its dependencies; ".": any outside the standard library
	except []string // prefixes of those that may
	reason string
}

// alone are packages that depend on the standard library alone, each with the reason.
var alone = map[string]string{
	"/agent/internal/invocations": "the table records reports; what to do about them is the agent's choice",
	"/agent/internal/strategy":    "a strategy decides from the times of ends and flushes alone",
	"/handler/internal/event":     "an event is data; what its members mean is the importer's choice",
	"/internal/bounded":           "the agent calls foreign code through it",
	"/internal/breaker":           "the breaker is a state machine over time; its owner makes the requests",
	"/internal/counts":            "the agent and otelx share it, and neither may import the other",
	"/internal/extensionsapi":     "the client is part of the agent",
	"/internal/jsontext":          "JSON is the same for every signal",
	"/internal/otelenv":           "settings are values; which SDK or sender uses them is the importer's choice",
	"/internal/otlp/response":     "the HTTP sender reads responses without OpenTelemetry",
	"/internal/redact":            "what keeps credentials out of errors is small enough to be read",
	"/internal/variables":         "the agent and otelx share it, and neither may import the other",
}

var rules = []rule{
	{
		pkg:   "/agent",
		never: []string{"."},
		except: []string{
			module + "/agent", module + "/internal/bounded", module + "/internal/counts", module + "/internal/extensionsapi",
			module + "/internal/variables",
		},
		reason: "the agent drives any Flusher; it must be usable with another telemetry library and add nothing to the binary",
	},
	{
		pkg:    "/agent/internal/budget",
		never:  []string{".", "net", "os"},
		except: []string{module + "/agent/internal/budget"},
		reason: "a budget is a value: it computes times, and waits for nothing",
	},
	{
		pkg: "/otelx",
		never: []string{
			"github.com/aws/", module + "/agent", module + "/handler", module + "/lambdatest", module + "/internal/extensionsapi",
			"google.golang.org/protobuf", "go.opentelemetry.io/proto",
		},
		reason: "otelx serves ordinary services as well; protobuf's message types cost 1.6 MB that the direct encoder saves",
	},
	{
		pkg: "/otelx/internal/traces",
		never: []string{
			"github.com/aws/", "google.golang.org/protobuf", "go.opentelemetry.io/proto", module + "/",
		},
		except: []string{
			module + "/otelx/internal/traces", module + "/internal/delivery", module + "/internal/otlp", module + "/internal/jsontext",
			module + "/internal/bounded", module + "/internal/breaker",
		},
		reason: "a signal knows its items and the engine; options, environment and HTTP belong to otelx",
	},
	{
		pkg:    "/internal/delivery",
		never:  []string{".", "net/http"},
		except: []string{module + "/internal/delivery", module + "/internal/bounded", module + "/internal/breaker", "golang.org/x/sync"},
		reason: "the engine serves every signal and every transport, so it knows neither OpenTelemetry nor HTTP",
	},
	{
		pkg: "/internal/otlp",
		never: []string{
			"github.com/aws/", module + "/agent", module + "/handler", module + "/otelx", module + "/internal/otlphttp",
			module + "/internal/delivery", "google.golang.org/protobuf", "go.opentelemetry.io/proto",
		},
		reason: "the encoder turns signals into bytes for any sender; protobuf's message types cost 1.6 MB that it saves",
	},
	{
		pkg:   "/internal/otlphttp",
		never: []string{"."},
		except: []string{
			module + "/internal/otlphttp", module + "/internal/otlp/response", module + "/internal/bounded", module + "/internal/redact",
			module + "/internal/version",
			module + "/internal/delivery", module + "/internal/breaker", "golang.org/x/sync", // for Result and Outcome
		},
		reason: "it sends bytes: the SDK and the command share it, whatever signals they send; never OpenTelemetry",
	},
	{
		pkg:    "/internal/spill",
		never:  []string{"."},
		except: []string{module + "/internal/spill", module + "/internal/bounded"},
		reason: "the writer is linked into functions: the reader of its lines, internal/spill/lines, needs protobuf's message types",
	},
	{
		pkg:    "/internal/spill/lines",
		never:  []string{module + "/"},
		except: []string{module + "/internal/spill/lines"},
		reason: "it reads any log, and shares no defect with the encoder",
	},
	{
		pkg:    "/otelx/awslambda",
		never:  []string{"github.com/aws/", module + "/agent", module + "/handler", "google.golang.org/protobuf", "go.opentelemetry.io/proto"},
		except: signer,
		reason: "the Lambda defaults come from the environment alone",
	},
	{
		pkg:    "/otelx/tracelog",
		never:  []string{"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/contrib", "github.com/aws/", module + "/"},
		except: []string{module + "/otelx/tracelog"},
		reason: "a program that only wants the ids in its log needs the OpenTelemetry API alone",
	},
	{
		pkg:    "/otelx/xray",
		never:  []string{"github.com/aws/", module + "/agent", module + "/handler", "google.golang.org/protobuf", "go.opentelemetry.io/proto"},
		except: signer,
		reason: "services send to X-Ray too; of the AWS SDK the signer is enough, and its configuration or a client would cost megabytes",
	},
	{
		pkg: "/handler",
		never: []string{
			"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/contrib", "github.com/aws/aws-lambda-go/events",
			module + "/agent", module + "/otelx", module + "/lambdatest",
		},
		reason: "instrumentation speaks the OpenTelemetry API; which SDK is behind it, and whether one is, is the user's choice",
	},
	{
		pkg:    "/lambdatest/...",
		never:  []string{"testing", module + "/agent", module + "/handler", module + "/otelx"},
		reason: "programs use the environment too, and it must not share a defect with the tested packages",
	},
	{
		pkg:    "/lambdatest/internal/sandbox",
		never:  []string{"."},
		except: []string{module + "/lambdatest/internal/sandbox", module + "/lambdatest/eventlog"},
		reason: "the rules of the platform hold for any transport and any kind of process",
	},
	{
		pkg:    "/lambdatest/internal/api",
		never:  []string{"."},
		except: []string{module + "/lambdatest/internal/api", module + "/lambdatest/internal/sandbox", module + "/lambdatest/eventlog"},
		reason: "the HTTP front of a sandbox turns requests into its calls, and knows no process",
	},
	{
		pkg:    "/lambdatest/internal/child",
		never:  []string{"."},
		except: []string{module + "/lambdatest/internal/child"},
		reason: "the supervisor of a child process knows nothing of Lambda",
	},
	{
		pkg:    "/lambdatest/internal/memnet",
		never:  []string{"."},
		except: []string{module + "/lambdatest/internal/memnet"},
		reason: "the network in memory carries any protocol",
	},
	{
		pkg:    "/cmd/epilogue/internal/run",
		never:  []string{module + "/cmd/epilogue/internal/demo", module + "/cmd/epilogue/internal/replay"},
		reason: "subcommands share packages local and cli, and nothing else",
	},
	{
		pkg:    "/cmd/epilogue/internal/demo",
		never:  []string{module + "/cmd/epilogue/internal/run", module + "/cmd/epilogue/internal/replay"},
		reason: "subcommands share packages local and cli, and nothing else",
	},
	{
		pkg:    "/...",
		never:  []string{"google.golang.org/grpc"},
		reason: "gRPC adds 4.7 MB to a function's binary",
	},
}

// signer is what signing for AWS takes.
var signer = []string{
	"github.com/aws/aws-sdk-go-v2/aws", "github.com/aws/aws-sdk-go-v2/internal", "github.com/aws/smithy-go",
}

// TestImports fails if a package depends on another that its rule forbids.
func TestImports(t *testing.T) {
	all := slices.Clone(rules)
	for pkg, reason := range alone {
		all = append(all, rule{pkg, []string{"."}, []string{module + pkg}, reason})
	}
	for _, r := range all {
		t.Run(strings.TrimPrefix(r.pkg, "/"), func(t *testing.T) {
			args := []string{"list", "-tags", "lambda.norpc", "-f", "{{.ImportPath}}", "-deps"}
			if r.pkg == "/..." {
				args = append(args, "-test")
			}
			for _, dep := range goList(t, append(args, module+r.pkg)) {
				if r.forbids(dep) {
					t.Errorf("%s depends on %s: %s", module+r.pkg, dep, r.reason)
				}
			}
		})
	}
}

func (r rule) forbids(dep string) bool {
	below := func(prefix string) bool {
		if prefix == "." {
			first, _, _ := strings.Cut(dep, "/") // has a dot only outside the standard library
			return strings.Contains(first, ".")
		}
		return dep == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(dep, strings.TrimSuffix(prefix, "/")+"/")
	}
	return slices.ContainsFunc(r.never, below) && !slices.ContainsFunc(r.except, below)
}

// TestRulesCanFail keeps the rules from becoming vacuous: a package that exists breaks a rule that forbids it.
func TestRulesCanFail(t *testing.T) {
	for _, c := range []struct {
		rule rule
		dep  string
		want bool
	}{
		{rules[0], "net/http", false},
		{rules[0], "go.opentelemetry.io/otel", true},
		{rules[0], module + "/internal/extensionsapi", false},
		{rules[0], module + "/otelx", true},
		{rules[len(rules)-1], "google.golang.org/grpc/codes", true},
		{rules[len(rules)-1], "google.golang.org/grpcx", false},
	} {
		if got := c.rule.forbids(c.dep); got != c.want {
			t.Errorf("rule of %s forbids %s: got %v, want %v", c.rule.pkg, c.dep, got, c.want)
		}
	}
}

func goList(t *testing.T, args []string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Log(string(exit.Stderr))
		}
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return strings.Fields(string(out))
}
