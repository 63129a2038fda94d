/**
 * The XIDs as data, a row per code: code | what has to be done | NVIDIA's mnemonic | what it means.
 * The codes, mnemonics and actions are those of NVIDIA's XID catalogue (docs.nvidia.com/deploy/xid-errors);
 * `-` where it gives no mnemonic and `unknown` where it gives no action.
 */
export const xidTable = `
1 | contact_support | ROBUST_CHANNEL_FIFO_ERROR_FIFO_METHOD | Command stream invalid or corrupted (host method)
2 | contact_support | ROBUST_CHANNEL_FIFO_ERROR_SW_METHOD | Command stream invalid or corrupted (software method)
3 | contact_support | ROBUST_CHANNEL_FIFO_ERROR_UNK_METHOD | Command stream invalid or corrupted (unknown method)
4 | contact_support | ROBUST_CHANNEL_FIFO_ERROR_CHANNEL_BUSY | Command stream invalid or corrupted (channel busy)
5 | contact_support | ROBUST_CHANNEL_FIFO_ERROR_RUNOUT_OVERFLOW | Not used
6 | contact_support | ROBUST_CHANNEL_FIFO_ERROR_PARSE_ERR | Command stream could not be parsed
7 | contact_support | ROBUST_CHANNEL_FIFO_ERROR_PTE_ERR | Address of the command stream is invalid
8 | restart_app | ROBUST_CHANNEL_FIFO_ERROR_IDLE_TIMEOUT | GPU stopped processing a channel
9 | contact_support | ROBUST_CHANNEL_GR_ERROR_INSTANCE | Driver programmed the GPU wrongly
10 | contact_support | ROBUST_CHANNEL_GR_ERROR_SINGLE_STEP | Not used
11 | restart_app | ROBUST_CHANNEL_GR_ERROR_MISSING_HW | Command stream asks for hardware that is not there
12 | contact_support | ROBUST_CHANNEL_GR_ERROR_SW_METHOD | Driver failed while handling a GPU exception
13 | restart_app | ROBUST_CHANNEL_GR_EXCEPTION | Exception in the graphics engine, mostly an illegal access by the application
14 | ignore | ROBUST_CHANNEL_FAKE_ERROR | Not used
15 | contact_support | ROBUST_CHANNEL_SCANLINE_TIMEOUT | Not used
16 | contact_support | ROBUST_CHANNEL_VBLANK_CALLBACK_TIMEOUT | Display engine hangs
17 | contact_support | ROBUST_CHANNEL_PARAMETER_ERROR | Not used
18 | contact_support | ROBUST_CHANNEL_BUS_MASTER_TIMEOUT_ERROR | Bus mastering is switched off in the PCI configuration space
19 | contact_support | ROBUST_CHANNEL_DISP_MISSED_NOTIFIER | Display engine missed a notification
20 | contact_support | ROBUST_CHANNEL_MPEG_ERROR_SW_METHOD | MPEG command stream invalid or corrupted
21 | contact_support | ROBUST_CHANNEL_ME_ERROR_SW_METHOD | Motion-estimation command stream invalid or corrupted
22 | contact_support | ROBUST_CHANNEL_VP_ERROR_SW_METHOD | Video-processor command stream invalid or corrupted
23 | contact_support | ROBUST_CHANNEL_RC_LOGGING_ENABLED | Not used
24 | contact_support | ROBUST_CHANNEL_GR_SEMAPHORE_TIMEOUT | GPU waited too long for a semaphore
25 | restart_app | ROBUST_CHANNEL_GR_ILLEGAL_NOTIFY | Command stream holds an illegal notification
26 | contact_support | ROBUST_CHANNEL_FIFO_ERROR_FBISTATE_TIMEOUT | Framebuffer did not answer in time
27 | contact_support | ROBUST_CHANNEL_VP_ERROR | Exception in the video processor
28 | contact_support | ROBUST_CHANNEL_VP2_ERROR | Exception in the second video processor
29 | contact_support | ROBUST_CHANNEL_BSP_ERROR | Exception in the bitstream processor
30 | contact_support | ROBUST_CHANNEL_BAD_ADDR_ACCESS | GPU semaphore points to a bad address
31 | restart_app | ROBUST_CHANNEL_FIFO_ERROR_MMU_ERR_FLT | Page fault in GPU memory, mostly an illegal address used by the application
32 | restart_app | ROBUST_CHANNEL_PBDMA_ERROR | Command stream invalid or corrupted (push-buffer engine)
33 | contact_support | ROBUST_CHANNEL_SEC_ERROR | Error in the security microcontroller
34 | contact_support | ROBUST_CHANNEL_MSVLD_ERROR | Exception in the video bitstream decoder
35 | contact_support | ROBUST_CHANNEL_MSPDEC_ERROR | Exception in the video picture decoder
36 | contact_support | ROBUST_CHANNEL_MSPPP_ERROR | Exception in the video post-processor
37 | ignore | ROBUST_CHANNEL_FECS_ERR_UNIMP_FIRMWARE_METHOD | Driver firmware got a request it does not know
38 | ignore | ROBUST_CHANNEL_FECS_ERR_WATCHDOG_TIMEOUT | Driver firmware's watchdog ran out
39 | restart_app | ROBUST_CHANNEL_CE0_ERROR | Exception in the copy engine 0
40 | restart_app | ROBUST_CHANNEL_CE1_ERROR | Exception in the copy engine 1
41 | restart_app | ROBUST_CHANNEL_CE2_ERROR | Exception in the copy engine 2
42 | contact_support | ROBUST_CHANNEL_VIC_ERROR | Exception in the image compositor
43 | ignore | ROBUST_CHANNEL_RESETCHANNEL_VERIF_ERROR | Application's channel was reset after its own fault; the GPU goes on
44 | ignore | ROBUST_CHANNEL_GR_FAULT_DURING_CTXSW | Fault in the graphics engine while switching contexts
45 | restart_app | ROBUST_CHANNEL_PREEMPTIVE_REMOVAL | Application was cleaned up after an earlier error; look for the XID before it
46 | reset_gpu | ROBUST_CHANNEL_GPU_TIMEOUT_ERROR | GPU stopped processing and timed out
47 | contact_support | ROBUST_CHANNEL_NVENC0_ERROR | Exception in the video encoder 0
48 | reset_gpu | ROBUST_CHANNEL_GPU_ECC_DBE | Uncorrectable (double-bit) ECC error in GPU memory
49 | contact_support | SILENT_RUNNING_CONSTANT_LEVEL_SET_BY_REGISTRY | Not used
50 | contact_support | SILENT_RUNNING_LEVEL_TRANSITION_DUE_TO_RC_ERROR | Not used
51 | contact_support | SILENT_RUNNING_STRESS_TEST_FAILURE | Not used
52 | contact_support | SILENT_RUNNING_LEVEL_TRANS_DUE_TO_TEMP_RISE | Not used
53 | contact_support | SILENT_RUNNING_TEMP_REDUCED_CLOCKING | Not used
54 | check_hardware | SILENT_RUNNING_PWR_REDUCED_CLOCKING | Auxiliary power is not connected to the GPU board
55 | contact_support | SILENT_RUNNING_TEMPERATURE_READ_ERROR | Not used
56 | contact_support | DISPLAY_CHANNEL_EXCEPTION | Exception in a display channel
57 | contact_support | FB_LINK_TRAINING_FAILURE_ERROR | Training of the memory interface failed
58 | contact_support | FB_MEMORY_ERROR | Memory interface is unstable
59 | contact_support | PMU_ERROR | Error in the power-management microcontroller (older drivers)
60 | restart_app | ROBUST_CHANNEL_SEC2_ERROR | Exception in the second security engine
61 | contact_support | PMU_BREAKPOINT | Power-management microcontroller stopped at a breakpoint
62 | reset_gpu | PMU_HALT_ERROR | Power-management microcontroller halted
63 | ignore | INFOROM_DRAM_RETIREMENT_EVENT | Memory page retired or row remapped; done at the next reset
64 | reset_gpu | INFOROM_DRAM_RETIREMENT_FAILURE | Retiring a memory page or remapping a row could not be recorded
65 | contact_support | ROBUST_CHANNEL_NVENC1_ERROR | Exception in the video encoder 1
66 | ignore | ROBUST_CHANNEL_FECS_ERR_REG_ACCESS_VIOLATION | Driver touched a register it may not
67 | ignore | ROBUST_CHANNEL_FECS_ERR_VERIF_VIOLATION | Driver broke a verification rule
68 | restart_app | ROBUST_CHANNEL_NVDEC0_ERROR | Exception in the video decoder 0
69 | restart_app | ROBUST_CHANNEL_GR_CLASS_ERROR | Graphics engine got a request its class does not know
70 | restart_app | ROBUST_CHANNEL_CE3_ERROR | Exception in the copy engine 3
71 | restart_app | ROBUST_CHANNEL_CE4_ERROR | Exception in the copy engine 4
72 | restart_app | ROBUST_CHANNEL_CE5_ERROR | Exception in the copy engine 5
73 | contact_support | ROBUST_CHANNEL_NVENC2_ERROR | Exception in the video encoder 2
74 | check_nvlink | NVLINK_ERROR | NVLink error: the link or what it connects is faulty
75 | restart_app | ROBUST_CHANNEL_CE6_ERROR | Exception in the copy engine 6
76 | restart_app | ROBUST_CHANNEL_CE7_ERROR | Exception in the copy engine 7
77 | restart_app | ROBUST_CHANNEL_CE8_ERROR | Exception in the copy engine 8
78 | update_software | VGPU_START_ERROR | A virtual GPU could not start
79 | reboot | ROBUST_CHANNEL_GPU_HAS_FALLEN_OFF_THE_BUS | GPU has fallen off the bus
80 | restart_app | PBDMA_PUSHBUFFER_CRC_MISMATCH | Data sent to the GPU arrived corrupted
81 | contact_support | ROBUST_CHANNEL_VGA_SUBSYSTEM_ERROR | Error in the VGA part
82 | restart_app | ROBUST_CHANNEL_NVJPG0_ERROR | Exception in the JPEG engine 0
83 | restart_app | ROBUST_CHANNEL_NVDEC1_ERROR | Exception in the video decoder 1
84 | restart_app | ROBUST_CHANNEL_NVDEC2_ERROR | Exception in the video decoder 2
85 | restart_app | ROBUST_CHANNEL_CE9_ERROR | Exception in the copy engine 9
86 | restart_app | ROBUST_CHANNEL_OFA0_ERROR | Exception in the optical-flow engine 0
87 | contact_support | NVTELEMETRY_DRIVER_REPORT | Driver telemetry report
88 | restart_app | ROBUST_CHANNEL_NVDEC3_ERROR | Exception in the video decoder 3
89 | restart_app | ROBUST_CHANNEL_NVDEC4_ERROR | Exception in the video decoder 4
90 | contact_support | LTC_ERROR | Error in the level-two cache
91 | contact_support | RESERVED_XID | Reserved
92 | ignore | EXCESSIVE_SBE_INTERRUPTS | Corrected ECC errors come unusually often
93 | ignore | INFOROM_ERASE_LIMIT_EXCEEDED | InfoROM was written more often than it is made for
94 | restart_app | ROBUST_CHANNEL_CONTAINED_ERROR | Uncorrectable ECC error that was contained to one application
95 | reset_gpu | ROBUST_CHANNEL_UNCONTAINED_ERROR | Uncorrectable ECC error that was not contained: every application on the GPU is affected
96 | restart_app | ROBUST_CHANNEL_NVDEC5_ERROR | Exception in the video decoder 5
97 | restart_app | ROBUST_CHANNEL_NVDEC6_ERROR | Exception in the video decoder 6
98 | restart_app | ROBUST_CHANNEL_NVDEC7_ERROR | Exception in the video decoder 7
99 | restart_app | ROBUST_CHANNEL_NVJPG1_ERROR | Exception in the JPEG engine 1
100 | restart_app | ROBUST_CHANNEL_NVJPG2_ERROR | Exception in the JPEG engine 2
101 | restart_app | ROBUST_CHANNEL_NVJPG3_ERROR | Exception in the JPEG engine 3
102 | restart_app | ROBUST_CHANNEL_NVJPG4_ERROR | Exception in the JPEG engine 4
103 | restart_app | ROBUST_CHANNEL_NVJPG5_ERROR | Exception in the JPEG engine 5
104 | restart_app | ROBUST_CHANNEL_NVJPG6_ERROR | Exception in the JPEG engine 6
105 | restart_app | ROBUST_CHANNEL_NVJPG7_ERROR | Exception in the JPEG engine 7
106 | ignore | SMBPBI_TEST_MESSAGE | Test message of the board's management bus
107 | ignore | SMBPBI_TEST_MESSAGE_SILENT | Silent test message of the board's management bus
108 | ignore | NVLINK_REMOTE_TRANSLATION_ERROR | Address translation failed on the far side of an NVLink
109 | reset_gpu | ROBUST_CHANNEL_CTXSW_TIMEOUT_ERROR | Switching contexts took too long
110 | reset_gpu | SEC_FAULT_ERROR | Security fault
111 | contact_support | BUNDLE_ERROR_EVENT | Display command bundle failed
112 | contact_support | DISP_SUPERVISOR_ERROR | Display supervisor failed
113 | contact_support | DP_LT_FAILURE | DisplayPort link could not be trained
114 | contact_support | HEAD_RG_UNDERFLOW | Display pipeline ran empty
115 | contact_support | CORE_CHANNEL_REGS | Display core channel failed
116 | contact_support | WINDOW_CHANNEL_REGS | Display window channel failed
117 | contact_support | CURSOR_CHANNEL_REGS | Display cursor channel failed
118 | contact_support | HEAD_REGS | Display pixel pipeline failed
119 | reset_gpu | GSP_RPC_TIMEOUT | The GPU's system processor (GSP) did not answer the driver in time
120 | reset_gpu | GSP_ERROR | Error in the GPU's system processor (GSP)
121 | ignore | C2C_ERROR | Error on the chip-to-chip link
122 | contact_support | SPI_PMU_RPC_READ_FAIL | Reading the board's flash failed
123 | contact_support | SPI_PMU_RPC_WRITE_FAIL | Writing the board's flash failed
124 | contact_support | SPI_PMU_RPC_ERASE_FAIL | Erasing the board's flash failed
125 | contact_support | INFOROM_FS_ERROR | InfoROM's file system is damaged
126 | restart_app | ROBUST_CHANNEL_CE10_ERROR | Exception in the copy engine 10
127 | restart_app | ROBUST_CHANNEL_CE11_ERROR | Exception in the copy engine 11
128 | restart_app | ROBUST_CHANNEL_CE12_ERROR | Exception in the copy engine 12
129 | restart_app | ROBUST_CHANNEL_CE13_ERROR | Exception in the copy engine 13
130 | restart_app | ROBUST_CHANNEL_CE14_ERROR | Exception in the copy engine 14
131 | restart_app | ROBUST_CHANNEL_CE15_ERROR | Exception in the copy engine 15
132 | restart_app | ROBUST_CHANNEL_CE16_ERROR | Exception in the copy engine 16
133 | restart_app | ROBUST_CHANNEL_CE17_ERROR | Exception in the copy engine 17
134 | restart_app | ROBUST_CHANNEL_CE18_ERROR | Exception in the copy engine 18
135 | restart_app | ROBUST_CHANNEL_CE19_ERROR | Exception in the copy engine 19
136 | reset_gpu | ALI_TRAINING_FAIL | An NVLink could not be trained
137 | ignore | NVLINK_PRIV_ERR | NVLink access without the right to it, mostly an illegal address used by the application
138 | contact_support | ROBUST_CHANNEL_DLA_ERROR | Error in the deep-learning accelerator
139 | restart_app | ROBUST_CHANNEL_OFA1_ERROR | Exception in the optical-flow engine 1
140 | reset_gpu | UNRECOVERABLE_ECC_ERROR_ESCAPE | ECC error that could not be recovered
141 | ignore | ROBUST_CHANNEL_FAST_PATH_ERROR | Error in CUDA's fast path
142 | contact_support | ROBUST_CHANNEL_NVENC3_ERROR | Exception in the video encoder 3
143 | reset_gpu | GPU_INIT_ERROR | GPU could not be initialised
144 | check_nvlink | NVLINK_SAW_ERROR | NVLink 5 error, unit SAW
145 | check_nvlink | NVLINK_RLW_ERROR | NVLink 5 error, unit RLW
146 | check_nvlink | NVLINK_TLW_ERROR | NVLink 5 error, unit TLW
147 | check_nvlink | NVLINK_TREX_ERROR | NVLink 5 error, unit TREX
148 | check_nvlink | NVLINK_NVLPW_CTRL_ERROR | NVLink 5 error, unit NVLPW
149 | check_nvlink | NVLINK_NETIR_ERROR | NVLink 5 error, unit NETIR
150 | check_nvlink | NVLINK_MSE_ERROR | NVLink 5 error, unit MSE
151 | restart_vm | ROBUST_CHANNEL_KEY_ROTATION_ERROR | Rotation of the encryption key failed
152 | ignore | ROBUST_CHANNEL_DLA_SMMU_ERROR | Memory-management fault of the deep-learning accelerator
153 | ignore | ROBUST_CHANNEL_DLA_TIMEOUT | Deep-learning accelerator did not answer in time
154 | see_message | GPU_RECOVERY_ACTION_CHANGED | The driver changed what it wants done with the GPU; the message says to what
155 | reset_gpu | NVLINK_SW_DEFINED_ERROR | NVLink error that software defined
156 | reset_gpu | RESOURCE_RETIREMENT_EVENT | A faulty part of the GPU was retired
157 | ignore | RESOURCE_RETIREMENT_FAILURE | A faulty part of the GPU could not be retired
158 | reset_gpu | GPU_FATAL_TIMEOUT | GPU did not answer in time and can't go on
159 | restart_app | ROBUST_CHANNEL_CHI_NON_DATA_ERROR | Bus error without data between CPU and GPU; check the application's use of unified memory
160 | ignore | CHANNEL_RETIREMENT_EVENT | A faulty memory channel was retired
161 | ignore | CHANNEL_RETIREMENT_FAILURE | A faulty memory channel could not be retired
162 | unknown | PSHC_REENGAGED | Power-smoothing circuit is in use again
163 | unknown | PSHC_DISENGAGED | Power-smoothing circuit is no longer in use
164 | unknown | PSHC_LOW_LIFETIME | Power-smoothing circuit nears the end of its life
165 | unknown | PSHC_ZERO_LIFETIME | Power-smoothing circuit is worn out
166 | unknown | NVLINK_SECURE_CRYPTO_ERR | Traffic came before the link was set up for encryption
167 | unknown | PCIE_FATAL_TIMEOUT | PCIe did not answer in time and can't go on
168 | unknown | REDUCED_GPU_MEMORY_CAPACITY | Part of the protected memory is faulty: the GPU has less memory
169 | unknown | SEC2_HALT_ERROR | Second security engine halted
170 | unknown | NVLINK_SECURE_OTHER | Interrupt in confidential-computing mode
171 | unknown | UNCORRECTABLE_DRAM_ERROR | Details of an uncorrectable error in the GPU's DRAM
172 | unknown | UNCORRECTABLE_SRAM_ERROR | Details of an uncorrectable error in the GPU's SRAM
173 | unknown | - | The chip-to-chip link failed for good
`;
