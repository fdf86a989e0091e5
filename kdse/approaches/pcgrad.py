"""`pcgrad`: joint training where the enhancement gradient loses its part against the recogniser's, and no more."""

from dataclasses import dataclass

from torch import Tensor, nn

from kdse.approaches.gradients import Parameterwise, project
from kdse.approaches.joint_straight import JointStraight


class Projection(Parameterwise):
    """e is projected where the two conflict."""

    def pair(self, a: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
        """(a, e projected); see `project`."""
        return a, project(e, a)


@dataclass(frozen=True)
class PCGrad(JointStraight):
    """`joint_grad` without its second and third step: recognition is the task that counts, so a is never projected."""

    def gradient_rule(self) -> nn.Module:
        """Projection of e alone."""
        return Projection()
