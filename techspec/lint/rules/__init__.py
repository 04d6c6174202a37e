"""Every rule, listed by hand in the order of the codes; a code is never used again."""

from techspec.lint.rule import Rule
from techspec.lint.rules.ts101_unreadable_text import UnreadableText
from techspec.lint.rules.ts102_no_objective import NoObjective
from techspec.lint.rules.ts103_no_success_criteria import NoSuccessCriteria
from techspec.lint.rules.ts104_no_context import NoContext
from techspec.lint.rules.ts105_unreadable_claim import UnreadableClaim
from techspec.lint.rules.ts106_empty_or_misspelt_section import EmptyOrMisspeltSection
from techspec.lint.rules.ts201_grid_search_without_hypotheses import GridSearchWithoutHypotheses
from techspec.lint.rules.ts202_no_claim import NoClaim
from techspec.lint.rules.ts203_unknown_arm import UnknownArm
from techspec.lint.rules.ts204_unknown_parameter import UnknownParameter
from techspec.lint.rules.ts205_unknown_metric import UnknownMetric
from techspec.lint.rules.ts206_bands_overlap import BandsOverlap
from techspec.lint.rules.ts207_bands_leave_a_gap import BandsLeaveAGap
from techspec.lint.rules.ts208_seed_as_parameter import SeedAsParameter
from techspec.lint.rules.ts209_two_changes_at_once import TwoChangesAtOnce
from techspec.lint.rules.ts210_wrong_parameter_count import WrongParameterCount
from techspec.lint.rules.ts211_unmatched_pairs import UnmatchedPairs
from techspec.lint.rules.ts212_unused_parameter import UnusedParameter
from techspec.lint.rules.ts213_too_few_seeds import TooFewSeeds
from techspec.lint.rules.ts214_no_margin import NoMargin
from techspec.lint.rules.ts215_same_name import SameName
from techspec.lint.rules.ts216_impossible_level import ImpossibleLevel
from techspec.lint.rules.ts217_impossible_margin import ImpossibleMargin
from techspec.lint.rules.ts301_unbounded_range import UnboundedRange
from techspec.lint.rules.ts302_no_priorities import NoPriorities
from techspec.lint.rules.ts303_no_budget import NoBudget
from techspec.lint.rules.ts304_plan_over_budget import PlanOverBudget
from techspec.lint.rules.ts305_refused_by_the_trainer import RefusedByTheTrainer
from techspec.lint.rules.ts306_unanswerable_claim import UnanswerableClaim
from techspec.lint.rules.ts307_trainer_not_asked import TrainerNotAsked
from techspec.lint.rules.ts308_settled_already import SettledAlready

RULES: tuple[Rule, ...] = (
    UnreadableText(),
    NoObjective(),
    NoSuccessCriteria(),
    NoContext(),
    UnreadableClaim(),
    EmptyOrMisspeltSection(),
    GridSearchWithoutHypotheses(),
    NoClaim(),
    UnknownArm(),
    UnknownParameter(),
    UnknownMetric(),
    BandsOverlap(),
    BandsLeaveAGap(),
    SeedAsParameter(),
    TwoChangesAtOnce(),
    WrongParameterCount(),
    UnmatchedPairs(),
    UnusedParameter(),
    TooFewSeeds(),
    NoMargin(),
    SameName(),
    ImpossibleLevel(),
    ImpossibleMargin(),
    UnboundedRange(),
    NoPriorities(),
    NoBudget(),
    PlanOverBudget(),
    RefusedByTheTrainer(),
    UnanswerableClaim(),
    TrainerNotAsked(),
    SettledAlready(),
)
