"""Spec and trainer in, Plan out: the steps of planning, one after another.

Nothing runs here, and nothing of this machine is asked: the same spec gives the same plan anywhere.
"""

from techspec.plan import ablate, arms, budget, order, questions
from techspec.plan.model import Plan
from techspec.plan.trainer import MetricInfo, Trainer
from techspec.spec.model import Spec


def build(spec: Spec, trainer: Trainer) -> Plan:
    """Which runs, in which order, at what cost, and what the budget leaves out.

    Never fails on a poor spec: what cannot be planned is in `left_out`, `dropped`, `notes`, or is
    the reason of a question that has no answer.
    """
    facts = trainer.facts()
    device = budget.nominal_device(spec.run, spec.budget)
    workers = budget.workers(spec.run, device)
    allowed = budget.allowance(spec.budget)

    design = ablate.design(spec, facts)
    settled = arms.settle(
        design, trainer, lambda cost: budget.nominal_seconds(cost, device, spec.run)
    )
    asked = questions.ask(spec, design, settled, facts)
    stages = order.stages(
        design.groups,
        settled.called,
        next((arm.name for arm in settled.arms if arm.is_baseline), None),
        asked,
        spec.budget.order if spec.budget else (),
        spec.parameters,
    )
    seeds = questions.seeds_of_arms(settled.arms, asked, spec.run.seeds)
    wanted, more = (
        order.trials(stages, settled.arms, which, asked, facts.identity)
        for which in (
            {arm: range(each.planned) for arm, each in seeds.items()},
            {arm: range(each.planned, each.most) for arm, each in seeds.items()},
        )
    )
    kept, dropped = budget.fit(wanted, allowed, workers)
    further = budget.still_possible(more, kept, dropped)
    asked = questions.after_budget(spec, asked, kept, further, dropped)

    return Plan(
        title=spec.title,
        trainer=spec.run.trainer,
        trainer_name=facts.name,
        trainer_code=facts.code,
        metric=spec.run.metric,
        better=(facts.metrics or {}).get(spec.run.metric, MetricInfo()).better,
        device=spec.run.device,
        nominal_device=device,
        workers=spec.run.workers,
        seeds_at_once=spec.run.seeds_at_once,
        arms=settled.arms,
        stages=stages,
        trials=kept,
        further=further,
        dropped=dropped,
        left_out=settled.left_out,
        questions=asked,
        bands=spec.bands,
        allowance=allowed,
        notes=(
            *design.notes,
            *settled.notes,
            *questions.notes_on_seeds(spec, asked),
            *budget.notes(wanted, allowed, workers, spec.run),
        ),
        locked=facts.locked,
    )
