package retired_test

import (
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/retired"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheckNamesTheSuccessor(t *testing.T) {
	env := map[string]string{"EPILOGUE_GRACE": "1s", "EPILOGUE_HANDLER_START_WAIT": "1s", "EPILOGUE_SPILL": "stderr"}
	errs := retired.Check(retired.Agent, func(key string) string { return env[key] })
	want := "EPILOGUE_GRACE is set and ignored: it is now called EPILOGUE_HANDLER_START_WAIT"
	if len(errs) != 1 || errs[0].Error() != want {
		t.Errorf("got %v, want only %q", errs, want)
	}
	if errs := retired.Check(retired.OTelX, func(key string) string { return env[key] }); len(errs) > 0 {
		t.Errorf("a current variable is reported: %v", errs)
	}
}

func TestNoSuccessorIsRetired(t *testing.T) {
	all := slices.Concat(retired.Agent, retired.OTelX)
	for _, v := range all {
		if slices.ContainsFunc(all, func(o retired.Variable) bool { return o.Name == v.Successor }) {
			t.Errorf("%s leads to %s, which is retired itself", v.Name, v.Successor)
		}
	}
}
