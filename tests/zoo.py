"""Networks that people bring, each in its smallest form: in goes a name, out comes a module.

An entry says why it is there, and what is to come of it: the layer that is explained if none is
named, or the key part of the refusal. `tests/test_zoo.py` holds the code to it.
"""

import collections
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint


def nchw(values):
    """Channels first, as convolutions have them."""
    return values


def nhwc(values):
    """Channels last."""
    return values.permute(0, 3, 1, 2)


def tokens(height, width, prefix=0):
    """Of (B, prefix + height * width, C), with the cells row by row."""
    return lambda values: torch.stack(
        [
            torch.stack([values[:, prefix + row * width + column] for column in range(width)], -1)
            for row in range(height)
        ],
        -2,
    )


@dataclass(frozen=True)
class Specimen:
    """A network, and what is to come of it.

    `build` makes it; `plain` makes one with the same weights and answers that can be watched, where
    it cannot itself. `fold` brings what its `layer` gives, and `logits` what it answers, into the
    usual form, by hand. `learned` says whether its answers depend on weights that can be
    re-initialised, `relu` whether guided backpropagation is another thing than its gradient.
    """

    build: Callable
    why: str
    layer: str | None = None
    refusal: str | None = None
    size: tuple = (32, 32)
    channels: int = 3
    classes: int = 3
    fold: Callable = nchw
    logits: Callable = nchw
    plain: Callable | None = None
    learned: bool = True
    relu: bool = True

    def make(self, plain: bool = False) -> nn.Module:
        """The same network at each call."""
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is deprecated is still brought
            torch.manual_seed(0)
            return (self.plain if plain and self.plain else self.build)()


SPECIMENS: dict = {}


def specimen(why, layer=None, **how):
    """Enter what is defined below, under its own name."""

    def enter(build):
        SPECIMENS[build.__name__] = Specimen(build, why, layer, **how)
        return build

    return enter


class Net(nn.Module):
    """Two convolutions, the mean over cells and a linear head; most specimens change one part."""

    def __init__(self, channels=3, classes=3):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.head = nn.Linear(12, classes)

    def features(self, x):
        return F.relu(self.conv2(F.relu(self.conv1(x))))

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


# -- as they are in torchvision ------------------------------------------------------------------


@specimen(
    "the network of every tutorial; its last stage has 2x2 cells here", "layer2", size=(64, 64)
)
def resnet():
    return torchvision.models.resnet18(num_classes=3)


@specimen(
    "VGG: the pooling before the head makes 7x7 cells of 2x2, and ReLUs are in place "
    "(torch-cam #80)",
    layer="features.4",
)
class vgg(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(4),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(8),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(8 * 49, 3))

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)))


@specimen(
    "F.relu(features, inplace=True) on what is explained (pytorch-grad-cam #147, torch-cam #72)",
    layer="features.denseblock1",
)
def densenet():
    return torchvision.models.DenseNet(4, (2, 2), 8, num_classes=3)


@specimen("squeeze and excitation, Hardswish", layer="features.3", size=(64, 64))
def mobilenet_v3():
    return torchvision.models.mobilenet_v3_small(num_classes=3)


@specimen(
    "SiLU, and no ReLU: a layer was sought in vain in pytorch-grad-cam #95",
    layer="features.3",
    size=(64, 64),
    relu=False,
)
def efficientnet():
    return torchvision.models.efficientnet_b0(num_classes=3)


@specimen("LayerNorm over channels last within blocks of channels first", "features.1", relu=False)
def convnext():
    block = torchvision.models.convnext.CNBlockConfig
    return torchvision.models.ConvNeXt([block(12, 16, 1), block(16, None, 1)], num_classes=3)


@specimen("its head is a convolution, pooled afterwards", "features.7", size=(64, 64))
def squeezenet():
    return torchvision.models.squeezenet1_1(num_classes=3)


@specimen(
    "auxiliary answers, in training only (pytorch-grad-cam #121)",
    layer="inception3b",
    size=(64, 64),
)
def googlenet():
    return torchvision.models.googlenet(num_classes=3, init_weights=False)


@specimen(
    "grouped convolutions; stages named trunk_output.block1",
    layer="trunk_output.block2",
    size=(64, 64),
)
def regnet():
    return torchvision.models.regnet_y_400mf(num_classes=3)


@specimen("channels are shuffled (captum #934)", layer="stage2", size=(64, 64))
def shufflenet():
    return torchvision.models.shufflenet_v2_x0_5(num_classes=3)


def _awake(model, head):
    """With a head that is not zero, as torchvision's transformers have it untrained."""
    model.get_submodule(head).reset_parameters()
    return model


@specimen(
    "tokens with a class token (pytorch-grad-cam #257, #76)",
    layer="encoder.layers.encoder_layer_1.ln_1",
    fold=tokens(8, 8, 1),
    relu=False,
)
def vit():
    made = torchvision.models.VisionTransformer(32, 4, 2, 2, 16, 32, num_classes=3)
    return _awake(made, "heads.head")


@specimen(
    "channels last, windows (pytorch-grad-cam #84, #426)", layer="features.1", fold=nhwc, relu=False
)
def swin():
    return torchvision.models.SwinTransformer([4, 4], 12, [1, 1], [2, 2], [4, 4], num_classes=3)


@specimen(
    "as many channels as rows: only its linear layers tell", "features.0.2", fold=nhwc, relu=False
)
def swin_cube():
    return torchvision.models.SwinTransformer([4, 4], 8, [1, 1], [2, 2], [4, 4], num_classes=3)


@specimen("windows and grids as dimensions of their own", layer="blocks.0", relu=False)
def maxvit():
    return torchvision.models.MaxVit((32, 32), 12, 4, [12, 16], [1, 1], 4, 0.0, num_classes=3)


# -- convolutional ones of one's own -------------------------------------------------------------


@specimen("blocks, norm and head, as timm names them; GELU", layer="blocks", relu=False)
class timm_names(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, 8, 4, stride=4)
        self.blocks = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.GELU()) for _ in range(2))
        )
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.patch_embed(x)).mean((2, 3))))


@specimen("keeps what it computed, of which copy.deepcopy dies (pytorch #54580)", layer="conv2")
class keeps_activations(Net):
    def features(self, x):
        self.activations = super().features(x)
        return self.activations


@specimen("has a hook of its owner on the layer that is explained", layer="conv2")
class keeps_a_hook(Net):
    def __init__(self):
        super().__init__()
        self.seen = []
        self.conv2.register_forward_hook(lambda _, __, output: self.seen.append(output.shape))


@specimen("a hook of its owner changes the layer that is explained", layer="conv2")
class hook_that_changes(Net):
    def __init__(self):
        super().__init__()
        self.conv2.register_forward_hook(lambda _, __, output: 2 * output)


@specimen("a buffer of the last batch's size, made while it works", layer="conv2")
class buffer_of_the_batch(Net):
    def features(self, x):
        self.register_buffer("last", x.detach().mean((1, 2, 3)), persistent=False)
        return super().features(x)


@specimen("weights without modules: nothing gives cells", refusal="use a module")
class bare_weights(nn.Module):
    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(8, 3, 3, 3) / 5)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(F.relu(F.conv2d(x, self.kernel)).mean((2, 3)))


@specimen("weights of its own beside those of its modules", layer="conv2")
class scaled_by_a_parameter(Net):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.linspace(0.5, 2, 12)[:, None, None])

    def features(self, x):
        return super().features(x) * self.scale


@specimen("no parameters, and no module", refusal="use a module")
class mean_colour(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


@specimen("no parameters: re-initialisation changes nothing", "pool", learned=False, relu=False)
class pooled_colour(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2d(4)

    def forward(self, x):
        return self.pool(x).pow(3).mean((2, 3))


@specimen("weights that are not numbers: maps of NaN (pytorch-grad-cam #108)", refusal="not finite")
class nan_weights(Net):
    def __init__(self):
        super().__init__()
        self.head.weight.data[0, 0] = torch.nan


@specimen("dead: the same answer to all", refusal="give it trained weights")
class constant_answers(Net):
    def __init__(self):
        super().__init__()
        self.head.weight.data.zero_()


@specimen(
    "scripted (pytorch-grad-cam #531, #258, captum and shap #3532)", refusal="give the network"
)
def scripted():
    return torch.jit.script(Net())


@specimen("traced (pytorch-grad-cam #258)", refusal="give the network")
def traced():
    return torch.jit.trace(Net(), torch.zeros(2, 3, 32, 32))


class _WithBackbone(Net):
    """Of which the first part is another's."""

    def __init__(self, change=nn.Identity()):  # noqa: B008
        super().__init__()
        self.backbone = change(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()))
        self.conv1 = None

    def features(self, x):
        return F.relu(self.conv2(self.backbone(x)))


@specimen(
    "a scripted part, which takes no hooks, in one that does (pytorch #29037)", "conv2", relu=False
)
def scripted_part():
    return _WithBackbone(torch.jit.script)


@specimen("a traced part in a module", layer="conv2", relu=False)
def traced_part():
    return _WithBackbone(lambda part: torch.jit.trace(part, torch.zeros(2, 3, 32, 32)))


@specimen("explained without a gradient (pytorch-grad-cam #187, #511)", refusal="torch.no_grad")
class under_no_grad(Net):
    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)


@specimen("frozen features: gradients stop before them", refusal="torch.no_grad")
class frozen_features(Net):
    def features(self, x):
        with torch.no_grad():
            return super().features(x)


@specimen("as above, in the stricter form", refusal="torch.no_grad")
class under_inference_mode(Net):
    def forward(self, x):
        with torch.inference_mode():
            return super().forward(x)


@specimen("inference mode within, of which nothing can be saved", refusal="inference_mode")
class inference_features(Net):
    def features(self, x):
        with torch.inference_mode():
            return super().features(x)


@specimen("gradients reach the second half alone, and no pixel", layer="conv2", relu=False)
class detached_in_the_middle(Net):
    def features(self, x):
        return F.relu(self.conv2(F.relu(self.conv1(x)).detach()))


@specimen("a head of int8, through which goes no gradient", refusal="in float")
def dynamically_quantised():
    return torch.ao.quantization.quantize_dynamic(Net(), {nn.Linear})


@specimen("all of int8 (torchattacks #150)", refusal="in float")
def fx_quantised():
    from torch.ao.quantization import get_default_qconfig_mapping, quantize_fx

    image = torch.randn(2, 3, 32, 32)
    mapping = get_default_qconfig_mapping(torch.backends.quantized.engine)
    prepared = quantize_fx.prepare_fx(Net().eval(), mapping, (image,))
    prepared(image)
    return quantize_fx.convert_fx(prepared)


@specimen("weights of int8 with a scale, as compressed networks keep them", layer="conv2")
class int8_weights(Net):
    def __init__(self):
        super().__init__()
        weight = self.conv1.weight.data
        self.conv1 = None
        self.packed = nn.Parameter((weight * 500).to(torch.int8), requires_grad=False)

    def features(self, x):
        return F.relu(self.conv2(F.relu(F.conv2d(x, self.packed.float() / 500, padding=1))))


@specimen("a train() of its own that returns nothing, so nor does eval()", layer="conv2")
class train_returns_nothing(Net):
    def train(self, mode=True):
        super().train(mode)


@specimen("half weights (pytorch-grad-cam #96, #442)", layer="conv2")
def half():
    return Net().half()


@specimen("bfloat16 weights", layer="conv2")
def bfloat16():
    return Net().bfloat16()


@specimen("double weights", layer="conv2")
def double():
    return Net().double()


@specimen("wants double images", refusal="float32")
class double_images(Net):
    def forward(self, x):
        if x.dtype != torch.float64:
            raise TypeError("expected float64")
        return super().forward(x)


@specimen("compiled", layer="conv2", plain=Net)
def compiled():
    return torch.compile(Net())


@specimen(
    "made for several GPUs (pytorch-grad-cam #322): each would keep its own maps",
    layer="conv2",
    plain=Net,
)
def data_parallel():
    return nn.DataParallel(Net())


@specimen("compiled, and made for several GPUs", layer="conv2", plain=Net)
def compiled_data_parallel():
    return torch.compile(nn.DataParallel(Net()))


class _Lazy(Net):
    def __init__(self):
        super().__init__()
        self.conv1, self.head = nn.LazyConv2d(8, 3, padding=1), nn.LazyLinear(3)


@specimen("lazy, with weights", layer="conv2")
def lazy_and_loaded():
    model = _Lazy()
    model.load_state_dict(Net().state_dict())
    return model


@specimen("on the meta device", refusal="give it weights")
def meta():
    return Net().to("meta")


@specimen("F.dropout without training=: random for ever", refusal="training=self.training")
class forgotten_dropout(Net):
    def features(self, x):
        return F.dropout(super().features(x))


@specimen("Monte Carlo dropout, kept on by an eval() of its own", refusal="random")
class monte_carlo_dropout(Net):
    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout()

    def train(self, mode=True):
        super().train(mode)
        self.dropout.training = True
        return self

    def features(self, x):
        return self.dropout(super().features(x))


@specimen(
    "a batch norm that an eval() of one's own keeps in training (pytorch-grad-cam #144: all maps "
    "of a batch alike)",
    refusal="other images of the batch",
)
class batch_norm_in_training(Net):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(12)

    def train(self, mode=True):
        super().train(mode)
        self.norm.training = True
        return self

    def features(self, x):
        return self.norm(super().features(x))


@specimen("a batch norm without statistics: the same", refusal="other images of the batch")
class batch_norm_without_statistics(Net):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(12, track_running_stats=False)

    def features(self, x):
        return self.norm(super().features(x)) ** 2


@specimen("a batch norm that its owner froze, and weights too", layer="norm")
class frozen_weights(Net):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(12)
        self.requires_grad_(False).norm.eval()

    def features(self, x):
        return F.relu(self.norm(self.conv2(F.relu(self.conv1(x)))))


@specimen("some weights frozen (captum #226, pytorch-grad-cam #254)", layer="conv2")
class half_frozen(Net):
    def __init__(self):
        super().__init__()
        self.conv1.requires_grad_(False)
        self.conv2.weight.requires_grad_(False)


@specimen("a ReLU in place after the last convolution (pytorch #61519, torch-cam #72)", "relu")
class relu_in_place(Net):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def features(self, x):
        return self.relu(self.conv2(F.relu(self.conv1(x))))


@specimen("x.relu_() whose result is not used but in place", layer="conv2")
class relu_without_result(Net):
    def features(self, x):
        x = self.conv1(x)
        x.relu_()
        x = self.conv2(x)
        F.relu(input=x, inplace=True)
        return x


@specimen("normalises its images itself, in place", layer="conv2")
class changes_its_images(Net):
    def forward(self, x):
        return super().forward(x.sub_(0.1).mul_(2))


@specimen("view(), which wants rows in a piece, not channels last", layer="pool")
class flattens_by_view(Net):
    def __init__(self):
        super().__init__()
        self.pool, self.head = nn.MaxPool2d(2), nn.Linear(12 * 64, 3)

    def forward(self, x):
        return self.head(self.pool(self.features(x)).view(len(x), -1))


@specimen("a residual addition in place, to what is explained (pytorch-grad-cam #183)", "conv2")
class residual_in_place(Net):
    def features(self, x):
        x = self.conv2(F.relu(self.conv1(x)))
        x += x.tanh()
        x.mul_(2)
        return F.relu(x)


@specimen("F.gelu, and no ReLU", layer="conv2", relu=False)
class gelu(Net):
    def features(self, x):
        return F.gelu(self.conv2(F.gelu(self.conv1(x))))


@specimen("SiLU in place", layer="conv2", relu=False)
class silu_in_place(Net):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(self.conv1, nn.SiLU(inplace=True))
        self.conv2 = nn.Sequential(self.conv2, nn.SiLU(inplace=True))

    def features(self, x):
        return self.conv2(self.conv1(x))


@specimen("a block that is computed again in the backward pass", layer="conv2")
class checkpointed(Net):
    def features(self, x):
        return checkpoint(super().features, x, use_reentrant=False)


@specimen("the older form, which knows no torch.autograd.grad", refusal="use_reentrant=False")
class checkpointed_reentrant(Net):
    def features(self, x):
        x = F.relu(self.conv1(x))
        return checkpoint(lambda x: F.relu(self.conv2(x)), x, use_reentrant=True)


@specimen("one ReLU for all (captum #578, #1104)", layer="conv2")
class shared_relu(Net):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def features(self, x):
        return self.relu(self.conv2(self.relu(self.conv1(x))))


@specimen("one convolution for several steps (captum #200): what runs once comes first", "conv1")
class shared_convolution(Net):
    def __init__(self):
        super().__init__()
        self.step, self.conv2 = nn.Conv2d(8, 8, 3, padding=1), None
        self.conv1.stride, self.head = (2, 2), nn.Linear(8, 3)

    def features(self, x):
        x = F.relu(self.conv1(x))
        for _ in range(3):
            x = F.relu(self.step(x))
        return x


@specimen("one convolution for several resolutions (captum #200): the last use", layer="step")
class shared_over_scales(Net):
    def __init__(self):
        super().__init__()
        self.step, self.head = nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.Linear(8, 3)
        self.conv1 = self.conv2 = None
        self.kernel = nn.Parameter(torch.randn(8, 3, 3, 3) / 5)

    def features(self, x):
        return F.relu(self.step(F.relu(self.step(F.conv2d(x, self.kernel, padding=1)))))


@specimen("one branch for both halves of the image", layer="branch")
class siamese(Net):
    def __init__(self):
        super().__init__()
        self.branch, self.head = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), nn.Linear(16, 3)
        self.conv1 = self.conv2 = None

    def forward(self, x):
        halves = [self.branch(half).mean((2, 3)) for half in x.chunk(2, dim=3)]
        return self.head(torch.cat(halves, dim=1))


@specimen("maps are of 1x1 but for the stem", layer="conv1")
class one_cell_at_the_end(Net):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 8, stride=8), nn.Conv2d(8, 12, 4)


@specimen("all strides: one cell from the start", refusal="more than one cell")
class one_cell_only(Net):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 32), nn.Conv2d(8, 12, 1)


@specimen("pools before all: what is spread again says nothing of cells", refusal="one cell")
class spread_again(Net):
    def features(self, x):
        return super().features(F.adaptive_avg_pool2d(x, 1).expand_as(x))

    def __init__(self):
        super().__init__()
        self.conv1.padding = self.conv2.padding = (0, 0)


@specimen("linear layers alone: no cells", refusal="more than one cell")
def linear_only():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 16), nn.ReLU(), nn.Linear(16, 3))


@specimen("layer4 is no stage but a linear layer", layer="layer1")
class layer4_is_linear(Net):
    def __init__(self):
        super().__init__()
        self.layer1, self.layer4 = nn.Conv2d(3, 8, 5, stride=2), nn.Linear(8, 3)
        self.conv1 = self.conv2 = self.head = None

    def forward(self, x):
        return self.layer4(F.relu(self.layer1(x)).mean((2, 3)))


@specimen("recurrent over rows (on a GPU, pytorch #15788: cuDNN only in training)", layer="conv")
class recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.rows = nn.Conv2d(3, 4, 4, stride=4), nn.LSTM(32, 8, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        rows = F.relu(self.conv(x)).permute(0, 2, 1, 3).flatten(2)  # (B, 8, 4 * 8)
        return self.head(self.rows(rows)[0][:, -1])


@specimen("weight normalisation, the old one, which deepcopy dies of (deq #23)", layer="conv2")
def weight_norm():
    model = Net()
    nn.utils.weight_norm(model.conv2)
    return model


@specimen("weight normalisation, by parametrisation", layer="conv2")
def weight_norm_parametrised():
    model = Net()
    parametrizations.weight_norm(model.conv2)
    return model


@specimen("spectral normalisation, the old one", layer="conv2")
def spectral_norm():
    model = Net()
    nn.utils.spectral_norm(model.conv2)
    return model


@specimen("spectral normalisation, by parametrisation", layer="conv2")
def spectral_norm_parametrised():
    model = Net()
    parametrizations.spectral_norm(model.conv2)
    return model


@specimen("pruned", layer="conv2")
def pruned():
    model = Net()
    prune.random_unstructured(model.conv2, "weight", 0.5)
    return model


@specimen("a frozen layer in a wrapper of low rank (LoRA)", layer="conv2")
class low_rank(Net):
    class Adapted(nn.Module):
        def __init__(self, base):
            super().__init__()
            self.base = base.requires_grad_(False)
            self.down = nn.Conv2d(8, 2, 3, stride=2, padding=1, bias=False)
            self.up = nn.Conv2d(2, 12, 1, bias=False)

        def forward(self, x):
            return self.base(x) + self.up(self.down(x))

    def __init__(self):
        super().__init__()
        self.conv2 = self.Adapted(self.conv2)


@specimen("complex weights between two Fourier transforms", layer="filter")
class fourier(Net):
    class Filter(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(8, 32, 17, dtype=torch.complex64))

        def forward(self, x):
            return torch.fft.irfft2(torch.fft.rfft2(x) * self.weight)

    def __init__(self):
        super().__init__()
        self.filter, self.conv2, self.head = self.Filter(), None, nn.Linear(8, 3)

    def features(self, x):
        return F.relu(self.filter(F.relu(self.conv1(x))))


@specimen("a gradient of its own: a sign that lets all through", layer="conv2", relu=False)
class straight_through(Net):
    class Sign(torch.autograd.Function):
        @staticmethod
        def forward(context, values):
            return values.sign()

        @staticmethod
        def backward(context, gradient):
            return gradient

    def features(self, x):
        return self.Sign.apply(self.conv2(self.Sign.apply(self.conv1(x))))


@specimen("modules that hand on objects, not tensors (pytorch-grad-cam #386)", layer="second.conv")
class objects_within(Net):
    class Stage(nn.Module):
        def __init__(self, conv):
            super().__init__()
            self.conv = conv

        def forward(self, given):
            return SimpleNamespace(maps=F.relu(self.conv(given.maps)))

    def __init__(self):
        super().__init__()
        self.first, self.second = self.Stage(self.conv1), self.Stage(self.conv2)
        self.conv1 = self.conv2 = None

    def features(self, x):
        return self.second(self.first(SimpleNamespace(maps=x))).maps


@specimen("a module that gives a tuple (pytorch-grad-cam #156, captum #1215)", layer="conv2")
class tuple_within(Net):
    class Attention(nn.Module):
        def forward(self, x):
            weights = x.mean(1, keepdim=True).flatten(2).softmax(2).view(len(x), 1, *x.shape[2:])
            return x * weights * 99, weights

    def __init__(self):
        super().__init__()
        self.attention = self.Attention()

    def features(self, x):
        return self.attention(super().features(x))[0]


@specimen("arguments beside the image, which have defaults", layer="conv2")
class more_arguments(Net):
    def forward(self, x, mask=None, *, scale=2.0, return_features=False):
        features = self.features(x) * scale
        return features if return_features else self.head(features.mean((2, 3)))


@specimen("squeeze() drops the dimension of a lone image", refusal="a single image")
class two_or_more(Net):
    def forward(self, x):
        return self.head(F.adaptive_avg_pool2d(self.features(x), 1).squeeze())


@specimen("one logit, squeezed: a number for a lone image", refusal="a single image", classes=2)
class one_logit_squeezed(Net):
    def __init__(self):
        super().__init__(classes=1)

    def forward(self, x):
        return super().forward(x).squeeze()


@specimen("made for one image", refusal="2 images")
class one_image_only(Net):
    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)).view(12))[None]


@specimen("turns gradients off for all, for ever", refusal="no gradient")
class gradients_off(Net):
    def forward(self, x):
        torch.set_grad_enabled(False)
        return super().forward(x)


@specimen("made for other classes", refusal="each of the 3 classes")
def other_classes():
    return Net(classes=10)


@specimen("made for grey images", refusal="channels as it has")
def other_channels():
    return Net(channels=1)


@specimen("made for other sizes", refusal="say image_size")
def other_size():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, 3))


@specimen("an error of several lines, and long", refusal="KeyError")
class raises(Net):
    def forward(self, x):
        raise KeyError("\n".join(["no such thing"] * 50))


@specimen("gives a map of classes, as for segmentation", refusal="each of the 3 classes")
def segmentation():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 3, 1))


@specimen("not a network but what makes one", refusal=r"torch\.nn\.Module")
def not_a_module():
    return Net


# -- what they answer with -----------------------------------------------------------------------


@specimen("a dictionary", layer="conv2", logits=lambda output: output["out"])
class gives_a_dictionary(Net):
    def forward(self, x):
        features = self.features(x)
        return {"features": features, "out": self.head(features.mean((2, 3)))}


@specimen("a tuple, the loss first", layer="conv2", logits=lambda output: output[1])
class gives_a_tuple(Net):
    def forward(self, x):
        logits = super().forward(x)
        return logits.sum(), logits, None


@specimen("a named tuple", layer="conv2", logits=lambda output: output.scores)
class gives_a_named_tuple(Net):
    Answer = collections.namedtuple("Answer", "hidden scores")

    def forward(self, x):
        hidden = self.features(x).mean((2, 3))
        return self.Answer(hidden, self.head(hidden))


@specimen(
    "a dataclass with .logits, as transformers has it (pytorch-grad-cam #481)",
    layer="conv2",
    logits=lambda output: output.logits,
)
class gives_a_dataclass(Net):
    @dataclass
    class Answer:
        loss: object
        logits: torch.Tensor

    def forward(self, x):
        return self.Answer(None, super().forward(x))


@specimen("deep supervision: a list", layer="conv2", logits=lambda output: output[0])
class gives_a_list(Net):
    def __init__(self):
        super().__init__()
        self.early = nn.Linear(8, 3)

    def forward(self, x):
        early = F.relu(self.conv1(x))
        return [self.head(F.relu(self.conv2(early)).mean((2, 3))), self.early(early.mean((2, 3)))]


@specimen("one map and answer of each stage, none of 3 classes", refusal="each of the 3 classes")
class gives_a_long_list(Net):
    def forward(self, x):
        return [self.features(x)] * 40


def _both(single):
    return torch.stack([-single.flatten() / 2, single.flatten() / 2], 1)


@specimen("one logit (pytorch-grad-cam #325, #422)", layer="conv2", classes=2, logits=_both)
def one_logit():
    return Net(classes=1)


@specimen("one logit, without its dimension (MONAI #5530)", "conv2", classes=2, logits=_both)
class one_flat_logit(Net):
    def __init__(self):
        super().__init__(classes=1)

    def forward(self, x):
        return super().forward(x)[:, 0]


@specimen(
    "a sigmoid at the end: above 0 whatever the class (pytorch-grad-cam #428)",
    layer="conv2",
    classes=2,
    logits=lambda output: _both(output.logit()),
)
class one_probability(Net):
    def __init__(self):
        super().__init__(classes=1)

    def forward(self, x):
        return super().forward(x).sigmoid().squeeze(1)


@specimen(
    "nn.Sigmoid at the end", layer="conv2", classes=2, logits=lambda output: _both(output.logit())
)
class one_probability_module(Net):
    def __init__(self):
        super().__init__(classes=1)
        self.head = nn.Sequential(self.head, nn.Sigmoid())


@specimen("logits with two dimensions more", layer="conv2", logits=lambda output: output[..., 0, 0])
class logits_at_one_cell(Net):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(12, 3, 1)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3), keepdim=True))


@specimen("log-probabilities", layer="conv2")
class log_softmax(Net):
    def forward(self, x):
        return super().forward(x).log_softmax(1)


@specimen("probabilities, of which softmax is another", "conv2", logits=torch.log)
class softmax(Net):
    def forward(self, x):
        return super().forward(x).softmax(1)


# -- what they take ------------------------------------------------------------------------------


@specimen("grey images", layer="conv2", channels=1)
def grey():
    return Net(channels=1)


@specimen("images with transparency", layer="conv2", channels=4)
def transparent():
    return Net(channels=4)


@specimen("oblong images (pytorch-grad-cam #51, #452)", layer="conv2", size=(24, 40))
def oblong():
    return Net()


@specimen("an odd size", layer="conv2", size=(17, 17))
def odd():
    return Net()


@specimen("more wide than high, channels last within", layer="norm", size=(24, 40), fold=nhwc)
class channels_last_oblong(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 5, 2, 2), nn.LayerNorm(5), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(F.relu(self.norm(self.conv(x).permute(0, 2, 3, 1))).mean((1, 2)))


@specimen("channels last, as many as there are rows", layer="norm", fold=nhwc)
class channels_last_cube(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(F.relu(self.norm(self.conv(x).permute(0, 2, 3, 1))).mean((1, 2)))


@specimen("as many channels as rows, first", layer="conv1")
class channels_first_cube(Net):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 4, 4), nn.Conv2d(8, 12, 8)


@specimen("anisotropic strides: as many channels as rows look like channels last", layer="conv1")
class anisotropic(Net):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, (2, 4), (2, 4))  # (B, 16, 16, 8)
        self.conv2, self.head = None, nn.Linear(16, 3)

    def features(self, x):
        return F.relu(self.conv1(x))


# -- tokens --------------------------------------------------------------------------------------


class _Tokens(nn.Module):
    """Patches of 4 pixels as tokens, `extra` before them, blocks, and a head of one or the mean."""

    def __init__(self, extra=0, dim=12, block=None, patch=4, mean=True):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, patch, patch)
        self.extra = nn.Parameter(torch.randn(1, extra, dim))
        made = block or (lambda: _Mixing(dim))
        self.blocks = nn.Sequential(made(), made())
        self.head, self.mean = nn.Linear(dim, 3), mean

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = self.blocks(torch.cat([self.extra.expand(len(x), -1, -1), x], dim=1))
        return self.head(x[:, self.extra.shape[1] :].mean(1) if self.mean else x[:, 0])


class _Mixing(nn.Module):
    """Attention with a module for its weights, as timm has it."""

    def __init__(self, dim):
        super().__init__()
        self.norm, self.qkv = nn.LayerNorm(dim), nn.Linear(dim, 3 * dim)
        self.attn_drop, self.mlp = nn.Dropout(0.1), nn.Sequential(nn.Linear(dim, dim), nn.ReLU())

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        weights = self.attn_drop((q @ k.transpose(1, 2))[:, None].softmax(-1))  # (B, 1, T, T)
        x = x + weights[:, 0] @ v
        return x + self.mlp(x)


@specimen("tokens alone, their mean", layer="blocks", fold=tokens(8, 8))
def mean_token():
    return _Tokens()


@specimen(
    "a class token: of the last block's output it alone counts (pytorch-grad-cam #511)",
    layer="blocks.1.qkv",
    fold=tokens(8, 8, 1),
)
def class_token():
    return _Tokens(1, mean=False)


@specimen("a class token and one of distillation (DeiT)", "blocks.1.qkv", fold=tokens(8, 8, 2))
def distillation_token():
    return _Tokens(2, mean=False)


@specimen(
    "a class token and 4 registers (DINOv2, timm #2014)", "blocks.1.qkv", fold=tokens(8, 8, 5)
)
def registers():
    return _Tokens(5, mean=False)


@specimen("a grid that is not square", layer="blocks", size=(24, 40), fold=tokens(6, 10))
def oblong_tokens():
    return _Tokens()


@specimen("few cells: the attention weights would have more", layer="blocks", fold=tokens(4, 4))
def coarse_tokens():
    return _Tokens(patch=8)


@specimen("tokens the other way round, with a square of channels", layer="conv")
class channels_before_tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.flatten = nn.Conv2d(3, 64, 4, 4), nn.Flatten(2)
        self.mix, self.head = nn.Conv1d(64, 64, 3, padding=1), nn.Linear(64, 3)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.head(self.relu(self.mix(self.flatten(self.conv(x)))).mean(2))


@specimen("tokens before the batch, as PyTorch's own have it", layer="conv")
class tokens_before_batch(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 3)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0)

    def forward(self, x):
        return self.head(self.encoder(self.conv(x).flatten(2).permute(2, 0, 1)).mean(0))


@specimen("MLP-Mixer: a linear layer across cells", layer="blocks", fold=tokens(8, 8), relu=False)
def mixer():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.cells, self.channels = nn.Linear(64, 64), nn.Linear(12, 12)

        def forward(self, x):
            x = x + F.gelu(self.cells(x.transpose(1, 2))).transpose(1, 2)
            return x + F.gelu(self.channels(x))

    return _Tokens(block=Block)


@specimen(
    "a transformer with convolutions before it, its blocks in a list",
    layer="blocks.1.norm1",
    fold=tokens(8, 8, prefix=1),
)
class hybrid(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 12, 3, 2, 1))
        self.token = nn.Parameter(torch.randn(1, 1, 12))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(12, 2, 16, 0.0, batch_first=True, norm_first=True)
            for _ in range(2)
        )
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        x = torch.cat([self.token.expand(len(x), -1, -1), self.stem(x).flatten(2).mT], 1)
        for block in self.blocks:
            x = block(x)
        return self.head(x[:, 0])


@specimen(
    "MLP-Mixer with as many channels as a square has cells",
    layer="blocks",
    fold=tokens(8, 8),
    relu=False,
)
def mixer_of_a_square():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.cells = nn.LayerNorm(16), nn.Linear(64, 64)
            self.channels = nn.Linear(16, 16)

        def forward(self, x):
            x = x + F.gelu(self.cells(self.norm(x).transpose(1, 2))).transpose(1, 2)
            return x + F.gelu(self.channels(x))

    return _Tokens(dim=16, block=Block)


@specimen(
    "PyTorch's encoder, whose fast path passes over its modules", layer="encoder", fold=tokens(8, 8)
)
class encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches, self.head = nn.Conv2d(3, 12, 4, 4), nn.Linear(12, 3)
        layer = nn.TransformerEncoderLayer(12, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, x):
        return self.head(self.encoder(self.patches(x).flatten(2).transpose(1, 2)).mean(1))


@specimen("attention in place of the pooling; CLIP's", layer="conv2")
class attention_pooling(Net):
    def __init__(self):
        super().__init__()
        self.pool = nn.MultiheadAttention(12, 2, batch_first=True)

    def forward(self, x):
        cells = self.features(x).flatten(2).transpose(1, 2)
        return self.head(self.pool(cells.mean(1, keepdim=True), cells, cells)[0][:, 0])


@specimen("a module's reset_parameters wants an argument", layer="scale")
class resets_with_an_argument(Net):
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.linspace(0.5, 2, 12)[:, None, None])

        def reset_parameters(self, low, high):
            self.weight.data.uniform_(low, high)

        def forward(self, x):
            return x * self.weight

    def __init__(self):
        super().__init__()
        self.scale = self.Scale()

    def features(self, x):
        return self.scale(super().features(x))
