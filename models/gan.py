"""A style-based GAN, whole: the generator, the discriminator and the two-player objective they learn by.

A GAN (Goodfellow et al. 2014) is a game. The *generator* G turns noise z ~ N(0, 1) into a picture. The *discriminator*
D looks at a picture and answers with one number, a logit: positive for "real", negative for "made". D learns to be
right, G learns to make D wrong (their equation 1):

    min_G max_D  E_x[ log sigmoid(D(x)) ]  +  E_z[ log(1 - sigmoid(D(G(z)))) ]

Nobody tells G what a face is; all it ever gets is the gradient of D's answer with respect to its own picture.

This generator is style-based (Karras et al. 2019, 2020, StyleGAN2). z is first *mapped* to a style w, and w then sets
the strength of every channel of every convolution; the picture itself grows from one learnt constant. The space of w,
called W, is less entangled than that of z, so directions in it mean something, one face can take its layers from two
styles, and pulling w towards the average face ("truncation") trades variety for care. There are no per-pixel noise
inputs: a face is its w and nothing else, which is what makes it possible to find the w of a photograph.

Pictures are float32 tensors (N, 3, 64, 64) in [-1, 1]; z is (N, Z), w is (N, W), and the styles of one picture, one w
per layer, are (N, LAYERS, W).
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models import packing

LAYER_GROUPS = {"coarse": (0, 1, 2), "middle": (3, 4), "fine": (5, 6, 7, 8)}
"""Which styles act at which size: coarse 4 to 8 pixels (pose, shape, hair), middle 16 (features), fine 32 to 64."""


@dataclass(frozen=True)
class GANConfig:
    """What it takes to rebuild both networks.

    Attributes:
        latent_size: length Z of the noise z.
        style_size: length W of a style w.
        mapping_layers: fully connected layers from z to w.
        widths: channels of the generator at 4, 8, 16, 32 and 64 pixels.
        critic_widths: channels of the discriminator at 32, 16, 8 and 4 pixels.
        statistics: whether the discriminator sees how much the pictures of a minibatch differ.
        data: name of the data set.
    """

    latent_size: int = 128
    style_size: int = 256
    mapping_layers: int = 4
    widths: tuple[int, ...] = (256, 192, 128, 64, 32)
    critic_widths: tuple[int, ...] = (64, 128, 192, 256)
    statistics: bool = True
    data: str = "toons"


LEAK_GAIN = math.sqrt(2.0)
"""What a leaky ReLU takes from the standard deviation, about; the layer before it gives it back."""


def leak(x: Tensor) -> Tensor:
    """The leaky ReLU that both networks use: x, or 0.2 x where x is negative."""
    return F.leaky_relu(x, 0.2)


class Linear(nn.Module):
    """Fully connected layer at an equalised learning rate (Karras et al. 2018, section 4.1).

    Weights are drawn from N(0, 1) and scaled by 1 / sqrt(inputs) in every call, so that one step of Adam changes every
    layer by the same share. Without it this GAN diverged within minutes. ``rate`` slows the layer down further.
    """

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0, rate: float = 1.0, gain: float = 1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.rate, self.gain = rate, gain * rate / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) -> (N, outputs)."""
        return F.linear(x * self.gain, self.weight, self.bias * self.rate)


class Conv(nn.Module):
    """Convolution at an equalised learning rate; keeps the size unless ``stride`` is 2."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, gain: float = LEAK_GAIN):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.gain = gain / math.sqrt(inputs * kernel * kernel)
        self.stride, self.padding = stride, (kernel - 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W), or half of H and W with stride 2."""
        return F.conv2d(x, self.weight * self.gain, self.bias, self.stride, self.padding)


class StyledConv(nn.Module):
    """Convolution whose input channels are scaled by the style (Karras et al. 2020, equations 1 and 3).

    With style s and weights W, every output is divided by sigma_j = sqrt(sum_ik (s_i W_ijk)^2), so that styles set
    proportions and not volumes ("demodulation"). Scaling inputs and outputs around one shared convolution is the same
    arithmetic as a different convolution per picture and much the faster one on a CPU.
    """

    def __init__(self, inputs: int, outputs: int, style_size: int, kernel: int = 3, demodulate: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.to_scale = Linear(style_size, inputs, bias=1.0)
        self.gain = 1.0 / math.sqrt(inputs * kernel * kernel)
        self.demodulate, self.padding = demodulate, kernel // 2
        self._known: tuple[tuple[int, int], Tensor, Tensor] | None = None

    def kernels(self) -> tuple[Tensor, Tensor]:
        """The weights at their gain, (outputs, C, k, k), and the sums of their squares over each kernel, (outputs, C).

        Where nothing learns they are kept until the weights change: for a single face they cost a third of its time.
        """
        if self.weight.requires_grad or self.weight.is_inference():
            weight = self.weight * self.gain
            return weight, weight.square().sum((2, 3)).float()
        version = (self.weight.data_ptr(), self.weight._version)
        if self._known is None or self._known[0] != version:
            with torch.inference_mode(False):  # a search for a style needs them in its gradients
                weight = (self.weight * self.gain).contiguous(memory_format=torch.channels_last)
                self._known = version, weight, weight.square().sum((2, 3)).float()
        return self._known[1:]

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Activations (N, C, H, W) and one style per picture (N, W) -> (N, outputs, H, W), not yet activated."""
        weight, squares = self.kernels()
        scale = self.to_scale(w)
        h = F.conv2d(x * scale[:, :, None, None].to(x.dtype), weight, padding=self.padding)
        if self.demodulate:
            sigma = LEAK_GAIN * (scale.float().square() @ squares.T + 1e-8).rsqrt()
            return torch.addcmul(self.bias[:, None, None].to(h.dtype), h, sigma[:, :, None, None].to(h.dtype))
        return h + self.bias[:, None, None].to(h.dtype)


def double(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W), bilinear: smoother than nearest, which leaves a checkerboard to be undone."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class _Rise(nn.Module):
    """One doubling of the picture's side: a convolution before it, where it is cheap, and one after."""

    def __init__(self, inputs: int, outputs: int, style_size: int):
        super().__init__()
        self.before = StyledConv(inputs, outputs, style_size)
        self.after = StyledConv(outputs, outputs, style_size)
        self.to_rgb = StyledConv(outputs, 3, style_size, kernel=1, demodulate=False)

    def forward(self, x: Tensor, rgb: Tensor, w_before: Tensor, w_after: Tensor) -> tuple[Tensor, Tensor]:
        x = leak(double(self.before(x, w_before)))
        x = leak(self.after(x, w_after))
        return x, double(rgb) + self.to_rgb(x, w_after)


class Generator(nn.Module):
    """z -> w -> picture. The picture is the sum of what each size adds in colour (StyleGAN2's skip generator)."""

    def __init__(self, config: GANConfig | None = None):
        super().__init__()
        self.config = config = config or GANConfig()
        widths, size = config.widths, config.style_size
        self.mapping = nn.ModuleList(
            Linear(config.latent_size if i == 0 else size, size, rate=0.01, gain=LEAK_GAIN)
            for i in range(config.mapping_layers)
        )
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        self.first = StyledConv(widths[0], widths[0], size)
        self.first_rgb = StyledConv(widths[0], 3, size, kernel=1, demodulate=False)
        self.rise = nn.ModuleList(_Rise(a, b, size) for a, b in zip(widths, widths[1:], strict=False))
        self.register_buffer("w_average", torch.zeros(size))

    @property
    def layers(self) -> int:
        """How many styles one picture has: one at 4 pixels, two at every size above."""
        return 1 + 2 * len(self.rise)

    def style(self, z: Tensor) -> Tensor:
        """The mapping network f: z (N, Z) -> w (N, W).

        StyleGAN normalises z first, so that only its direction counts. Here its length counts, too: what becomes of a
        z that is too short (halfway along a straight line between two others) or too long is there to be seen.
        """
        w = z
        for layer in self.mapping:
            w = leak(layer(w))
        return w

    def truncate(self, w: Tensor, psi: float) -> Tensor:
        """w' = w_average + psi (w - w_average) (Karras et al. 2019, section 2.2): 0 is the one average face."""
        return self.w_average + psi * (w - self.w_average)

    def growth(self, styles: Tensor) -> Iterator[Tensor]:
        """Styles as in :meth:`synthesis` -> the picture as it stands at 4, 8, 16, 32 and 64 pixels, one after another.

        Every size adds its colours to the doubled picture before it; the small ones are what the recipe trains first.
        """
        if styles.ndim == 2:
            styles = styles[:, None].expand(-1, self.layers, -1)
        w = styles.unbind(1)
        x = self.constant.expand(len(styles), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = leak(self.first(x, w[0]))
        rgb = self.first_rgb(x, w[0])
        yield rgb.float()
        for i, rise in enumerate(self.rise):
            x, rgb = rise(x, rgb, w[1 + 2 * i], w[2 + 2 * i])
            yield rgb.float()

    def synthesis(self, styles: Tensor) -> Tensor:
        """Styles (N, LAYERS, W), or one w (N, W) for all layers -> pictures (N, 3, 64, 64), about within [-1, 1]."""
        *_, picture = self.growth(styles)
        return picture

    def forward(self, z: Tensor, psi: float = 1.0) -> Tensor:
        """z (N, Z) -> pictures (N, 3, 64, 64) clamped to [-1, 1], truncated by psi."""
        return self.synthesis(self.truncate(self.style(z), psi)).clamp(-1, 1)

    def save(self, folder: Path) -> None:
        """Write ``generator.safetensors`` (float16) and ``config.json`` into ``folder``."""
        _save(self, self.config, folder, "generator")

    @classmethod
    def load(cls, folder: Path) -> "Generator":
        """Read a network written by :meth:`save`; it runs in float32, in evaluation mode, without gradients.

        Raises:
            FileNotFoundError: if the folder holds no weights.
        """
        return _load(cls, folder, "generator")


class _Fall(nn.Module):
    """One halving of the picture's side, as a residual block: convolution, mean over 2x2, convolution."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.before = Conv(inputs, inputs, 3)
        self.after = Conv(inputs, outputs, 3)
        self.skip = Conv(inputs, outputs, 1, gain=1.0)

    def forward(self, x: Tensor) -> Tensor:
        h = F.avg_pool2d(leak(self.before(x)), 2)
        return (leak(self.after(h)) + self.skip(F.avg_pool2d(x, 2))) * math.sqrt(0.5)


class Discriminator(nn.Module):
    """Picture -> logit: above 0 "real", below 0 "made".

    Before its last layers it is told the standard deviation over the minibatch (Karras et al. 2018, section 3): a
    generator that draws one face again and again gives itself away. A single picture has no minibatch, so evaluation
    uses the typical value on real pictures instead, and a score does not depend on which pictures came along.
    """

    def __init__(self, config: GANConfig | None = None):
        super().__init__()
        self.config = config = config or GANConfig()
        widths = config.critic_widths
        self.stem = Conv(3, widths[0], 4, stride=2)
        self.fall = nn.ModuleList(_Fall(a, b) for a, b in zip(widths, widths[1:], strict=False))
        self.last = Conv(widths[-1] + config.statistics, widths[-1], 3)
        self.hidden = Linear(widths[-1] * 16, widths[-1], gain=LEAK_GAIN)
        self.to_logit = Linear(widths[-1], 1)
        self.register_buffer("typical_spread", torch.zeros(()))

    def body(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, 64, 64) -> activations (N, C, 4, 4), each picture by itself."""
        h = leak(self.stem(x))
        for fall in self.fall:
            h = fall(h)
        return h

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, 64, 64) -> logits (N,), float32."""
        return self.judge(self.body(x))

    def judge(self, h: Tensor) -> Tensor:
        """What :meth:`body` answered, (N, C, 4, 4), -> logits (N,), float32."""
        if self.config.statistics:
            spread = minibatch_spread(h) if self.training else self.typical_spread.expand(len(h))
            h = torch.cat([h, spread[:, None, None, None].to(h.dtype).expand(-1, 1, *h.shape[2:])], 1)
        h = leak(self.last(h)).flatten(1)
        return self.to_logit(leak(self.hidden(h))).float()[:, 0]

    def save(self, folder: Path) -> None:
        """Write ``discriminator.safetensors`` (float16) and ``config.json`` into ``folder``."""
        _save(self, self.config, folder, "discriminator")

    @classmethod
    def load(cls, folder: Path) -> "Discriminator":
        """Read a network written by :meth:`save`; it runs in float32, in evaluation mode, without gradients.

        Raises:
            FileNotFoundError: if the folder holds no weights.
        """
        return _load(cls, folder, "discriminator")


def minibatch_spread(h: Tensor, group: int = 4) -> Tensor:
    """Standard deviation over groups of pictures, averaged over channels and places: (N, C, H, W) -> (N,).

    Karras et al. 2018, section 3. Picture i is in the group i mod (N / group); a batch that does not
    divide is one group.
    """
    count = len(h)
    if count % group:
        group = count
    y = h.float().reshape(group, count // group, *h.shape[1:])
    spread = (y.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    return spread.repeat(group)


def generator_loss(made: Tensor) -> Tensor:
    """Non-saturating loss of G, -log sigmoid(D(G(z))) (Goodfellow et al. 2014, section 3): logits (N,) -> mean.

    Minimising log(1 - sigmoid) as the game says gives no gradient while D is sure; this has the same fixed point.
    """
    return F.softplus(-made).mean()


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """Cross entropy of D, -log sigmoid(D(x)) - log(1 - sigmoid(D(G(z)))): logits (N,) twice -> mean."""
    return F.softplus(-real).mean() + F.softplus(made).mean()


def r1_penalty(discriminator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """R1 = E_x[ |grad_x D(x)|^2 ] on real pictures (Mescheder et al. 2018, equation 9, without gamma / 2): a scalar.

    It keeps D flat around the data, so that G near the data is no longer pushed about.
    """
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def _save(network: nn.Module, config: GANConfig, folder: Path, name: str) -> None:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(packing.halves(network.state_dict()), folder / f"{name}.safetensors")
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n")


def _load(cls, folder: Path, name: str):
    config = json.loads((Path(folder) / "config.json").read_text())
    config |= {key: tuple(config[key]) for key in ("widths", "critic_widths")}
    network = cls(GANConfig(**config))
    network.load_state_dict(packing.opened(load_file(Path(folder) / f"{name}.safetensors")))
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
