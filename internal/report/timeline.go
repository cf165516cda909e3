package report

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// Receipt is one request with telemetry, as the receiver saw it.
type Receipt struct {
	Began   time.Time // it arrived
	Ended   time.Time // it was answered or broken off; zero: not yet
	Kept    int       // spans that the receiver took
	Refused int       // items of any signal that it did not take
}

// thawed is the shortest freeze after which an invocation is thawed instead of warm.
const thawed = time.Second

// Describe joins the records of the environment and of the receiver for one invocation. receipts are those of the
// function; only requests that began in the invocation's phase count. If the invocation ended its process, the phase
// lasts until then.
func Describe(number int, r lambdatest.InvocationReport, receipts []Receipt) Invocation {
	v := Invocation{
		Number: number, RequestID: r.RequestID, Kind: kindOf(r), Failed: r.ErrorType != "",
		Posted: since(r.Released, r.Posted), Frozen: since(r.Released, r.Frozen),
		Billed: wholeMillis(r.Billed), Handler: r.Handler, After: r.AfterResponse,
	}
	for _, receipt := range receipts {
		if receipt.Began.Before(r.Released) || !r.Ended.IsZero() && receipt.Began.After(r.Ended) {
			continue
		}
		if v.FlushEnded == 0 {
			v.FlushBegan = since(r.Released, receipt.Began)
		}
		v.FlushEnded = max(v.FlushEnded, since(r.Released, receipt.Ended))
		v.Early = v.Early || r.Posted.IsZero() || receipt.Began.Before(r.Posted)
		v.Spans += receipt.Kept
		if receipt.Refused > 0 {
			v.Refusals++
		}
	}
	return v
}

// kindOf describes in a word how an invocation ended or, after an ordinary end, how it began.
func kindOf(r lambdatest.InvocationReport) string {
	switch {
	case r.TimedOut:
		return "timeout"
	case r.ErrorType != "" && r.Refused == http.StatusRequestEntityTooLarge:
		return "refused"
	case r.ErrorType != "" && r.Exited && (r.Posted.IsZero() || r.Refused != 0): // nothing was posted, or a part
		return "exit"
	case r.ErrorType != "" && r.Exited:
		return "panic"
	case r.ErrorType != "":
		return "error"
	case r.Cold:
		return "cold"
	case r.Thawed >= thawed:
		return "thawed"
	default:
		return "warm"
	}
}

// since returns the time from from to to; zero if to did not come.
func since(from, to time.Time) time.Duration {
	if to.IsZero() {
		return 0
	}
	return to.Sub(from)
}

// wholeMillis rounds up to the next millisecond, as billing does (AWS Lambda pricing: "rounded up to the nearest 1 ms").
func wholeMillis(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}

// preludeEnd ends the JSON before the body of a streamed HTTP response (AWS Lambda Developer Guide, response streaming).
const preludeEnd = "\x00\x00\x00\x00\x00\x00\x00\x00"

// Answer is the caller's view in a word: the HTTP status if the response has one, as those of API Gateway and function
// URLs do, streamed or not, else "ok" or "error".
func Answer(resp lambdatest.Response) string {
	if resp.FunctionError != "" {
		return "error"
	}
	var answer struct {
		StatusCode int `json:"statusCode"`
	}
	prelude, _, streamed := bytes.Cut(resp.Payload, []byte(preludeEnd))
	switch err := json.Unmarshal(prelude, &answer); {
	case err != nil:
		return "ok"
	case answer.StatusCode != 0:
		return strconv.Itoa(answer.StatusCode)
	case streamed:
		return "200" // the default of a prelude
	default:
		return "ok"
	}
}
