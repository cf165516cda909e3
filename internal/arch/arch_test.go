package arch

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/epilogue-go/epilogue"

// rule restricts the dependencies of a package, direct and indirect ones. The package itself and those below it are free.
type rule struct {
	pkg    string   // below the module
	alone  bool     // it depends on the standard library alone
	never  []string // prefixes of import paths that must not be among its dependencies
	except []string // prefixes of those that may
	reason string
}

// Prefixes that several rules have.
const (
	bounded  = module + "/internal/bounded"
	breaker  = module + "/internal/breaker"
	delivery = module + "/internal/delivery"
	aws      = "github.com/aws/"
	protobuf = "google.golang.org/protobuf"
	messages = "go.opentelemetry.io/proto"
)

var rules = []rule{
	{pkg: "/agent/internal/invocations", alone: true, reason: "it records reports; what to do about them is the agent's choice"},
	{pkg: "/agent/internal/strategy", alone: true, reason: "a strategy decides from the times of ends and flushes alone"},
	{pkg: "/handler/internal/event", alone: true, reason: "an event is data; what its members mean is the importer's choice"},
	{pkg: "/internal/bounded", alone: true, reason: "the agent calls foreign code through it"},
	{pkg: "/internal/breaker", alone: true, reason: "the breaker is a state machine over time; its owner makes the requests"},
	{pkg: "/internal/counts", alone: true, reason: "the agent and otelx share it, and neither may import the other"},
	{pkg: "/internal/extensionsapi", alone: true, reason: "the client is part of the agent"},
	{pkg: "/internal/jsontext", alone: true, reason: "JSON is the same for every signal"},
	{pkg: "/internal/otelenv", alone: true, reason: "settings are values; who uses them is the importer's choice"},
	{pkg: "/internal/otlp/response", alone: true, reason: "the HTTP sender reads responses without OpenTelemetry"},
	{pkg: "/internal/redact", alone: true, reason: "the code that keeps credentials out of errors is small enough to be read"},
	{pkg: "/internal/variables", alone: true, reason: "the agent and otelx share it, and neither may import the other"},
	{
		pkg: "/agent", alone: true,
		except: []string{
			bounded, module + "/internal/counts", module + "/internal/extensionsapi", module + "/internal/variables",
		},
		reason: "the agent drives any Flusher; it must be usable with another telemetry library and add nothing to the binary",
	},
	{
		pkg: "/agent/internal/budget", alone: true, never: []string{"net", "os"},
		reason: "a budget is a value: it computes times, and waits for nothing",
	},
	{
		pkg: "/otelx",
		never: []string{
			aws, module + "/agent", module + "/handler", module + "/lambdatest", module + "/internal/extensionsapi", protobuf, messages,
		},
		reason: "otelx serves ordinary services as well; protobuf's message types cost 1.6 MB that the direct encoder saves",
	},
	{
		pkg: "/otelx/internal/traces", never: []string{aws, protobuf, messages, module + "/"},
		except: []string{delivery, module + "/internal/otlp", module + "/internal/jsontext", module + "/otelx/internal/encoding", bounded, breaker},
		reason: "a signal knows its items and the engine; options, environment and HTTP belong to otelx",
	},
	{
		pkg: "/otelx/internal/metrics", never: []string{aws, protobuf, messages, module + "/"},
		except: []string{
			delivery, module + "/internal/otlp", module + "/internal/emf", module + "/internal/jsontext", module + "/otelx/internal/encoding",
			bounded, breaker,
		},
		reason: "a signal knows its items and the engine; options, environment and HTTP belong to otelx",
	},
	{
		pkg: "/otelx/internal/logs", never: []string{aws, protobuf, messages, "go.opentelemetry.io/otel/sdk/metric", module + "/"},
		except: []string{
			delivery, module + "/internal/otlp", module + "/internal/loglines", module + "/internal/jsontext", module + "/internal/requestid",
			module + "/otelx/internal/encoding", bounded, breaker, "go.opentelemetry.io/otel/sdk/metric/metricdata",
		},
		reason: "a signal knows its items and the engine; options, environment and HTTP belong to otelx",
	},
	{
		pkg: "/otelx/internal/awsotlp", never: []string{aws, module + "/agent", module + "/handler", module + "/lambdatest", protobuf, messages},
		except: signer,
		reason: "functions and services sign; of the AWS SDK the signer is enough, and its configuration or a client would cost megabytes",
	},
	{
		pkg: "/internal/delivery", alone: true, never: []string{"net/http"}, except: []string{bounded, breaker, "golang.org/x/sync"},
		reason: "the engine serves every signal and every transport, so it knows neither OpenTelemetry nor HTTP",
	},
	{
		pkg: "/internal/otlp",
		never: []string{
			aws, module + "/agent", module + "/handler", module + "/otelx", module + "/internal/otlphttp", delivery, protobuf, messages,
		},
		reason: "the encoder turns signals into bytes for any sender; protobuf's message types cost 1.6 MB that it saves",
	},
	{
		pkg: "/internal/emf", never: []string{aws, protobuf, messages, module + "/"},
		except: []string{module + "/internal/jsontext", delivery, bounded, breaker},
		reason: "it writes lines, for any reader of metrics; options and environment belong to otelx",
	},
	{
		pkg: "/internal/emf/lines", alone: true, except: []string{module + "/internal/jsontext/strict"},
		reason: "it checks lines, so it shares no defect with their encoder",
	},
	{
		pkg: "/internal/loglines", never: []string{aws, protobuf, messages, "go.opentelemetry.io/otel/sdk/metric", module + "/"},
		except: []string{module + "/internal/jsontext", bounded},
		reason: "it writes each record at once, so it needs no engine; options and environment belong to otelx",
	},
	{
		pkg: "/internal/otlphttp", alone: true,
		except: []string{
			module + "/internal/otlp/response", bounded, module + "/internal/redact", module + "/internal/version",
			delivery, breaker, "golang.org/x/sync", // for Result and Outcome
		},
		reason: "it sends bytes: the SDK and the command share it, whatever signals they send; never OpenTelemetry",
	},
	{
		pkg: "/internal/spill", alone: true, except: []string{bounded},
		reason: "the writer is linked into functions: the reader of its lines, internal/spill/lines, needs protobuf's message types",
	},
	{
		pkg: "/internal/spill/lines", never: []string{module + "/"},
		reason: "it reads any log, and shares no defect with the encoder",
	},
	{
		pkg: "/otelx/awslambda", never: []string{aws, module + "/agent", module + "/handler", protobuf, messages}, except: signer,
		reason: "the Lambda defaults come from the environment alone",
	},
	{
		pkg: "/otelx/tracelog", never: []string{"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/contrib", aws, module + "/"},
		reason: "a program that only wants the ids in its log needs the OpenTelemetry API alone",
	},
	{
		pkg: "/otelx/xray", never: []string{aws, module + "/agent", module + "/handler", protobuf, messages}, except: signer,
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
		pkg: "/lambdatest/...", never: []string{"testing", module + "/agent", module + "/handler", module + "/otelx"},
		reason: "programs use the environment too, and it must not share a defect with the tested packages",
	},
	{
		pkg: "/lambdatest/internal/sandbox", alone: true, except: []string{module + "/lambdatest/eventlog"},
		reason: "the rules of the platform hold for any transport and any kind of process",
	},
	{
		pkg: "/lambdatest/internal/api", alone: true,
		except: []string{module + "/lambdatest/internal/sandbox", module + "/lambdatest/eventlog"},
		reason: "the HTTP front of a sandbox turns requests into its calls, and knows no process",
	},
	{pkg: "/lambdatest/internal/child", alone: true, reason: "the supervisor of a child process knows nothing of Lambda"},
	{pkg: "/lambdatest/internal/memnet", alone: true, reason: "the network in memory carries any protocol"},
	{pkg: "/...", never: []string{"google.golang.org/grpc"}, reason: "gRPC adds 4.7 MB to a function's binary"},
}

// signer is what signing for AWS takes.
var signer = []string{
	"github.com/aws/aws-sdk-go-v2/aws", "github.com/aws/aws-sdk-go-v2/internal", "github.com/aws/smithy-go",
}

// TestImports fails if a package depends on another that its rule forbids.
func TestImports(t *testing.T) {
	for _, r := range rules {
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
		return dep == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(dep, strings.TrimSuffix(prefix, "/")+"/")
	}
	if below(module+r.pkg) || slices.ContainsFunc(r.except, below) {
		return false
	}
	first, _, _ := strings.Cut(dep, "/") // has a dot only outside the standard library
	return r.alone && strings.Contains(first, ".") || slices.ContainsFunc(r.never, below)
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
