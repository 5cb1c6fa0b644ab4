import subprocess
import sys

from qhub_hub import sessions

HEAVY = ("jupyterhub", "traitlets", "tornado", "sqlalchemy", "kubernetes_asyncio", "cffi", "asyncio")


def test_the_rooms_names_are_exactly_these():
    assert sorted(sessions.__all__) == [
        "Amount",
        "Choice",
        "ClusterOffer",
        "ClusterOffers",
        "ClusterPlan",
        "ClusterRequest",
        "ClusterSummary",
        "ClusterUsage",
        "Explanation",
        "Hardware",
        "IdlePolicy",
        "Mount",
        "Offer",
        "Option",
        "Plan",
        "PlanSummary",
        "Price",
        "Process",
        "Rejected",
        "Request",
        "Share",
        "Usage",
        "Used",
        "cluster_command",
        "cluster_summary",
        "default_choice",
        "describe_hardware",
        "explain",
        "limiting_groups",
        "limits_cost",
        "make_cluster_plan",
        "make_plan",
        "offered_clusters",
        "offers",
        "parse_cluster_request",
        "parse_form",
        "parse_query",
        "parse_request",
        "read_cluster_summary",
        "read_summary",
        "show_cost",
        "summary",
        "to_dict",
        "to_process",
        "to_text",
        "workers_that_fit",
    ]
    assert all(getattr(sessions, name) is not None for name in sessions.__all__)


def test_the_core_loads_no_hub_no_database_and_no_cluster():
    code = f"import sys, qhub_hub.sessions; print([m for m in {HEAVY} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
