// Made by fixtures/make/op-signatures.py from the schemas of onnx 1.23.2 and onnxruntime. Do not edit.

/** Characters that stand for the entries of TYPE_SETS. */
export const SET_LETTERS = "!\"#%&'()*+-.0123456789:;<=>?@ABCDEFGHIJKLMNOPQ";

/** Sets of element types, in base 16. Bit n stands for the TensorProto.DataType n, and bit 0 for anything but a tensor. */
export const TYPE_SETS =
  "13cfe 10c02 80 200 13efe c02 7fffefe 3014 30fc c0 7ff3ffe 2 1fffe fffe 1 c 13cc2 6fe007c 1010402 1f0c02 3cfe 13ffe 7fffffe 40 3cc2 7ffffff 4 10c0e 10cea ffff 10cc2 1e000c 10402 10442 1010442 6fe003c 8e2 13cce 13ece 100 1fffffe 1c0 60007c 402 e 60003c";

/** The standard operators. op-signatures.py explains the lines. */
export const STANDARD = `Abs - 1/.!/.
Acos - 1/."/.
Acosh - 9/."/.
Add - 1/.!.!/.
AffineGrid ialign_corners 20/.".#/.
And - 1/.%.%/.
ArgMax iaxis,ikeepdims,iselect_last_index 1/.!/.
ArgMin iaxis,ikeepdims,iselect_last_index 1/.!/.
Asin - 1/."/.
Asinh - 9/."/.
Atan - 1/."/.
Atanh - 9/."/.
Attention iis_causal,ikv_num_heads,ileft_window_size,iq_num_heads,iqk_matmul_output_mode,iright_window_size,fscale,fsoftcap,isoftmax_precision 23/."."."?&?"?"/.??? 24/."."."?&?"?"?#/.???
AveragePool sauto_pad,iceil_mode,icount_include_pad,Idilations,Ikernel_shape,Ipads,Istrides 1/."/./kernel_shape
BatchNormalization fepsilon,fmomentum,ispatial,itraining_mode 1/.'.'.'.'.'/.???? 14/."."."."."/.??
Bernoulli idtype,fseed 15/."/.
BitCast ito 26/.(/./to
BitShift sdirection 11/.).)/./direction
BitwiseAnd - 18/.*.*/.
BitwiseNot - 18/.*/.
BitwiseOr - 18/.*.*/.
BitwiseXor - 18/.*.*/.
BlackmanWindow ioutput_datatype,iperiodic 17/.+/.
Cast sround_mode,isaturate,ito 1/.-/./to
CastLike sround_mode,isaturate 15/.-.-/.
Ceil - 1/."/.
Celu falpha 12/../.
CenterCropPad Iaxes 18/.0.+/.
Clip fmax,fmin 1/.'/. 11/.!?!?!/.
Col2Im Idilations,Ipads,Istrides 18/.0.#.#/.
Compress iaxis 9/.1.%/.
Concat iaxis 1/+0/./axis
ConcatFromSequence iaxis,inew_axis 11/.2/./axis
Constant osparse_value,tvalue,fvalue_float,Fvalue_floats,ivalue_int,Ivalue_ints,svalue_string,Svalue_strings 1//./value 11//.
ConstantOfShape tvalue 9/.#/.
Conv sauto_pad,Idilations,igroup,Ikernel_shape,Ipads,Istrides 1/."."?"/.
ConvInteger sauto_pad,Idilations,igroup,Ikernel_shape,Ipads,Istrides 10/.3.3?3?3/.
ConvTranspose sauto_pad,Idilations,igroup,Ikernel_shape,Ioutput_padding,Ioutput_shape,Ipads,Istrides 1/."."?"/.
Cos - 1/."/.
Cosh - 9/."/.
CumProd iexclusive,ireverse 26/.4.+/.
CumSum iexclusive,ireverse 11/.4.+/.
DFT iaxis,iinverse,ionesided 17/."?+/. 20/."?+?#/.
DeformConv Idilations,igroup,Ikernel_shape,ioffset_group,Ipads,Istrides 19/."."."?"?"/.
DepthToSpace iblocksize,smode 1/.0/./blocksize
DequantizeLinear iaxis,iblock_size,ioutput_dtype 10/.5.6?5/.
Det - 11/."/.
Div - 1/.!.!/.
Dropout fratio,iseed 1/.'/.? 12/.7?7?%/.?
DynamicQuantizeLinear - 11/../...
Einsum sequation 12/+8/./equation
Elu falpha 1/."/.
Equal - 1/.9.9/.
Erf - 9/."/.
Exp - 1/."/.
Expand - 8/.0.#/.
EyeLike idtype,ik 9/.&/.
Flatten iaxis 1/.:/.
Floor - 1/."/.
GRU Factivation_alpha,Factivation_beta,Sactivations,fclip,sdirection,ihidden_size,ilayout,ilinear_before_reset 1/."."."?"?;?"/??
Gather iaxis 1/.0.+/.
GatherElements iaxis 11/.0.+/.
GatherND ibatch_dims 11/.0.#/.
Gelu sapproximate 20/."/.
Gemm falpha,fbeta,itransA,itransB 1/.<.<.</. 11/.4.4?4/.
GlobalAveragePool - 1/."/.
GlobalLpPool ip 1/."/.
GlobalMaxPool - 1/."/.
Greater - 1/.!.!/.
GreaterOrEqual - 12/.!.!/.
GridSample ialign_corners,smode,spadding_mode 16/.0."/.
GroupNormalization fepsilon,inum_groups,istash_type 21/."."."/./num_groups
HammingWindow ioutput_datatype,iperiodic 17/.+/.
HannWindow ioutput_datatype,iperiodic 17/.+/.
HardSigmoid falpha,fbeta 1/."/.
HardSwish - 14/."/.
Hardmax iaxis 1/."/.
Identity - 1/.=/.
If gelse_branch,gthen_branch 1/.%/~/else_branch/then_branch
ImageDecoder spixel_format 20/.>/.
InstanceNormalization fepsilon 1/."."."/.
IsInf idetect_negative,idetect_positive 10/.7/.
IsNaN - 9/.7/.
LRN falpha,fbeta,fbias,isize 1/."/./size
LSTM Factivation_alpha,Factivation_beta,Sactivations,fclip,sdirection,ihidden_size,iinput_forget,ilayout 1/."."."?"?;?"?"?"/???
LayerNormalization iaxis,fepsilon,istash_type 17/."."?"/.??
LeakyRelu falpha 1/."/.
Less - 1/.!.!/.
LessOrEqual - 12/.!.!/.
Log - 1/."/.
LogSoftmax iaxis 1/."/.
Loop gbody 1/?#?%~=/~/body
LpNormalization iaxis,ip 1/."/.
LpPool sauto_pad,iceil_mode,Idilations,Ikernel_shape,ip,Ipads,Istrides 1/."/./kernel_shape
MatMul - 1/.4.4/.
MatMulInteger - 10/.3.3?3?3/.
Max - 1/+!/.
MaxPool sauto_pad,iceil_mode,Idilations,Ikernel_shape,Ipads,istorage_order,Istrides 1/.'/./kernel_shape 8/.?/.?/kernel_shape
MaxRoiPool Ipooled_shape,fspatial_scale 1/."."/./pooled_shape
MaxUnpool Ikernel_shape,Ipads,Istrides 9/.".#?#/./kernel_shape
Mean - 1/+"/.
MeanVarianceNormalization Iaxes 9/."/.
MelWeightMatrix ioutput_datatype 17/.+.+.+."."/.
Min - 1/+!/.
Mish - 18/."/.
Mod ifmod 10/.!.!/.
Mul - 1/.!.!/.
Multinomial idtype,isample_size,fseed 1/."/.
Neg - 1/.@/.
NegativeLogLikelihoodLoss iignore_index,sreduction 12/.".+?"/.
NonMaxSuppression icenter_point_box 10/....?#?.?./.
NonZero - 9/.0/.
Not - 1/.%/.
OneHot iaxis 9/.8.8.1/.
Optional otype 15/?A/.
OptionalGetElement - 15/.A/.
OptionalHasElement - 15/.2/. 18/?A/.
Or - 1/.%.%/.
PRelu - 1/.4.4/.
Pad smode,Ipads,fvalue 1/.'/./pads 11/.0.#?0/. 18/.:.#?:?+/.
Pow - 1/.B.!/.
QLinearConv sauto_pad,Idilations,igroup,Ikernel_shape,Ipads,Istrides 10/.3...3.3...3...3?;/.
QLinearMatMul - 10/.C.D.C.C.D.C.D.C/.
QuantizeLinear iaxis,iblock_size,ioutput_dtype,iprecision,isaturate 10/.E.F?G/.
RMSNormalization iaxis,fepsilon,istash_type 23/."."/.
RNN Factivation_alpha,Factivation_beta,Sactivations,fclip,sdirection,ihidden_size,ilayout 1/."."."?"?;?"/??
RandomNormal idtype,fmean,fscale,fseed,Ishape 1//./shape
RandomNormalLike idtype,fmean,fscale,fseed 1/.0/.
RandomUniform idtype,fhigh,flow,fseed,Ishape 1//./shape
RandomUniformLike idtype,fhigh,flow,fseed 1/.0/.
Range - 11/.H.H.H/.
Reciprocal - 1/."/.
ReduceL1 Iaxes,ikeepdims,inoop_with_empty_axes 1/.4/. 18/.4?#/.
ReduceL2 Iaxes,ikeepdims,inoop_with_empty_axes 1/.4/. 18/.4?#/.
ReduceLogSum Iaxes,ikeepdims,inoop_with_empty_axes 1/.4/. 18/.4?#/.
ReduceLogSumExp Iaxes,ikeepdims,inoop_with_empty_axes 1/.4/. 18/.4?#/.
ReduceMax Iaxes,ikeepdims,inoop_with_empty_axes 1/.I/. 18/.J?#/.
ReduceMean Iaxes,ikeepdims,inoop_with_empty_axes 1/.4/. 18/.4?#/.
ReduceMin Iaxes,ikeepdims,inoop_with_empty_axes 1/.I/. 18/.J?#/.
ReduceProd Iaxes,ikeepdims,inoop_with_empty_axes 1/.4/. 18/.4?#/.
ReduceSum Iaxes,ikeepdims,inoop_with_empty_axes 1/.</. 13/.4?#/.
ReduceSumSquare Iaxes,ikeepdims,inoop_with_empty_axes 1/.4/. 18/.4?#/.
RegexFullMatch spattern 20/.K/.
Relu - 1/.@/.
Reshape iallowzero 1/.:.#/.
Resize iantialias,Iaxes,scoordinate_transformation_mode,fcubic_coeff_a,iexclude_outside,fextrapolation_value,skeep_aspect_ratio_policy,smode,snearest_mode 10/.1../. 11/.1.'..?#/. 13/.0?'?.?#/.
ReverseSequence ibatch_axis,itime_axis 10/.1.#/.
RoiAlign scoordinate_transformation_mode,smode,ioutput_height,ioutput_width,isampling_ratio,fspatial_scale 10/.".".#/.
RotaryEmbedding iinterleaved,inum_heads,irotary_embedding_dim 23/.D.D.D?#/.
Round - 11/."/.
STFT ionesided 17/.".+?"?+/.
Scan gbody,Idirections,inum_scan_inputs,Iscan_input_axes,Iscan_input_directions,Iscan_output_axes,Iscan_output_directions 8/?#~1/~/body/num_scan_inputs 9/~:/~/body/num_scan_inputs
Scatter iaxis 9/.1.+.1/.
ScatterElements iaxis,sreduction 11/.0.+.0/.
ScatterND sreduction 11/.0.#.0/.
Selu falpha,fgamma 1/."/.
SequenceAt - 11/.2.+/.
SequenceConstruct - 11/+1/.
SequenceEmpty idtype 11//.
SequenceErase - 11/.2?+/.
SequenceInsert - 11/.2.1?+/.
SequenceLength - 11/.2/.
SequenceMap gbody 17/.2~A/~/body
Shape iend,istart 1/.:/.
Shrink fbias,flambd 9/.8/.
Sigmoid - 1/."/.
Sign - 9/.!/.
Sin - 1/."/.
Sinh - 9/."/.
Size - 1/.:/.
Slice Iaxes,Iends,Istarts 1/.1/./ends/starts 10/.0.+.+?+?+/.
Softmax iaxis 1/."/.
SoftmaxCrossEntropyLoss iignore_index,sreduction 12/.".+?"/.?
Softplus - 1/."/.
Softsign - 1/."/.
SpaceToDepth iblocksize 1/.0/./blocksize
Split iaxis,inum_outputs,Isplit 1/.1/+ 13/.0?#/+
SplitToSequence iaxis,ikeepdims 11/.0?+/.
Sqrt - 1/."/.
Squeeze Iaxes 1/.1/. 13/.:?#/.
StringConcat - 20/.K.K/.
StringNormalizer scase_change_action,iis_case_sensitive,slocale,Sstopwords 10/.K/.
StringSplit sdelimiter,imaxsplit 20/.K/..
Sub - 1/.!.!/.
Sum - 1/+"/.
Swish falpha 24/."/.
Tan - 1/."/.
Tanh - 1/."/.
TensorScatter iaxis,smode 24/.L.L?#/.
TfIdfVectorizer imax_gram_length,imax_skip_count,imin_gram_length,smode,Ingram_counts,Ingram_indexes,Ipool_int64s,Spool_strings,Fweights 9/.M/./max_gram_length/max_skip_count/min_gram_length/mode/ngram_counts/ngram_indexes
ThresholdedRelu falpha 10/."/.
Tile - 1/.0.#/.
TopK iaxis,ik,ilargest,isorted 1/.'/../k 10/.!.#/..
Transpose Iperm 1/.:/.
Trilu iupper 14/.0?#/.
Unique iaxis,isorted 11/.1/.???
Unsqueeze Iaxes 1/.1/./axes 13/.:.#/.
Upsample smode,Fscales 1/.1/./scales 9/.1../.
Where - 9/.%.0.0/.
Xor - 1/.%.%/.`;

/** The operators of com.microsoft that are rewritten. */
export const CONTRIBUTED = `DequantizeLinear iaxis 1/.N.O?N/.
QGemm falpha,itransA,itransB 1/.3...3.3...3?;?.?3/.
QLinearAdd - 1/.3..?3.3..?3..?3/.
QLinearAveragePool sauto_pad,iceil_mode,ichannels_last,icount_include_pad,Ikernel_shape,Ipads,Istrides 1/.3..?3..?3/./kernel_shape
QLinearConcat iaxis 1/...3~P/./axis
QLinearConv sauto_pad,ichannels_last,Idilations,igroup,Ikernel_shape,Ipads,Istrides 1/.3...3.3...3...3?;/.
QLinearGlobalAveragePool ichannels_last 1/.3...3...3/.
QLinearLeakyRelu falpha 1/.3..?3..?3/.
QLinearMul - 1/.3..?3.3..?3..?3/.
QLinearSigmoid - 1/.3..?3..?3/.
QLinearSoftmax iaxis,iopset 1/.3..?3...3/./opset
QLinearWhere - 1/.%.3...3.3...3...3/.
QuantizeLinear iaxis 1/.O.O?Q/.`;
